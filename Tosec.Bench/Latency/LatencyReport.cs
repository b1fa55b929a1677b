using System.Globalization;
using System.Text;
using Tosec.Bench.CommandLine;
using Tosec.Node.CommandLine;

namespace Tosec.Bench.Latency;

/// <summary>The figures for a page of the documentation: they replace what stands between two markers, so nobody types them in.</summary>
internal static class LatencyReport
{
    private const string Begin = "<!-- latency: begin (written by tosec-bench latency) -->";
    private const string End = "<!-- latency: end -->";

    /// <exception cref="BenchException">The file cannot take figures.</exception>
    public static void RequireMarkers(string file)
    {
        if (!File.Exists(file) || Find(File.ReadAllText(file)) is null)
            throw new BenchException(ExitCode.Usage, $"--report {file}: a file with the lines '{Begin}' and '{End}', in this order");
    }

    public static void Write(string file, LatencyResults results)
    {
        var text = File.ReadAllText(file);
        var (from, to) = Find(text)!.Value;
        File.WriteAllText(file, text[..from] + "\n\n" + Text(results) + text[to..]);
    }

    public static string Text(LatencyResults results)
    {
        var text = new StringBuilder();
        var machine = results.Machine;
        Line($"Measured {results.Begun:yyyy-MM-dd HH:mm} to {results.Ended:HH:mm} UTC at commit `{machine.Commit}`: {machine.Processor}, "
            + $"{machine.Cpus} CPUs, Linux {machine.Kernel}, {machine.System}, {machine.Runtime}, {machine.HaProxy}, {machine.Iproute}.");
        Line($"{char.ToUpperInvariant(LatencyTables.Conditions(results)[0])}{LatencyTables.Conditions(results)[1..]}.");
        Line($"{results.Plan.Rounds} rounds over all cases in turn, {results.Plan.Requests} requests each (fewer where "
            + $"{results.Plan.LimitMilliseconds} ms were over), {results.Plan.WarmUp} before. Server: {(results.Plan.Epoll ? "epoll" : "blocking")}; "
            + $"`tosec.worker.spins = {results.Plan.Spins}`.");
        foreach (var setting in results.Plan.Settings)
        {
            Line($"\n### {Capital(LatencyTables.NameOf(setting))}: {results.Pinning[setting]}\n");
            Latencies(setting);
            Line("");
            Ratios(setting);
            Line("");
            Parties(setting);
        }

        return text.Append('\n').ToString();

        void Latencies(Setting setting)
        {
            Line("Round trip in µs, p50 / p99:\n");
            Line($"| case | what | {string.Join(" | ", results.Plan.Bytes.Select(LatencyTables.NameOf))} |");
            Line($"|---|---|{string.Concat(results.Plan.Bytes.Select(_ => "---:|"))}");
            foreach (var name in results.Plan.Cases)
            {
                var cells = results.Plan.Bytes.Select(bytes => results.Figures.First(f => f.Setting == setting && f.Case == name && f.Bytes == bytes));
                Line($"| {name} | {LatencyCase.Of(name).Title} | {string.Join(" | ", cells.Select(f => $"{Number(f.P50)} / {Number(f.P99)}"))} |");
            }
        }

        void Ratios(Setting setting)
        {
            var ratios = results.Ratios.Where(ratio => ratio.Setting == setting).ToArray();
            Line("Ratios of the medians:\n");
            Line($"| ratio | goal | {string.Join(" | ", results.Plan.Bytes.Select(LatencyTables.NameOf))} | holds |");
            Line($"|---|---|{string.Concat(results.Plan.Bytes.Select(_ => "---:|"))}---|");
            foreach (var row in ratios.GroupBy(ratio => ratio.Name))
            {
                var goal = row.First().Goal;
                var holds = goal is null ? "" : row.All(ratio => ratio.Holds == true) ? "yes" : row.Any(ratio => ratio.Holds == true) ? "in part" : "no";
                Line($"| {row.Key} | {(goal is null ? "" : string.Create(CultureInfo.InvariantCulture, $"≤ {goal:0.0}"))} | "
                    + $"{string.Join(" | ", row.Select(ratio => ratio.Ratio.ToString("0.00", CultureInfo.InvariantCulture)))} | {holds} |");
            }
        }

        void Parties(Setting setting)
        {
            var bytes = results.Plan.Bytes[0];
            var figures = results.Figures.Where(figure => figure.Setting == setting && figure.Bytes == bytes).ToArray();
            var parties = figures.SelectMany(figure => figure.Parties.Keys).Distinct().ToArray();
            Line($"CPU µs of a request of {LatencyTables.NameOf(bytes)}, and in brackets how often a thread of the party went to sleep:\n");
            Line($"| case | {string.Join(" | ", parties)} | all |");
            Line($"|---|{string.Concat(parties.Select(_ => "---:|"))}---:|");
            foreach (var figure in figures)
            {
                var cells = parties.Select(party => figure.Parties.TryGetValue(party, out var use) ? $"{Number(use.CpuMicroseconds)} ({Number(use.Sleeps)})" : "");
                Line($"| {figure.Case} | {string.Join(" | ", cells)} | {Number(figure.Cpu)} ({Number(figure.Sleeps)}) |");
            }
        }

        void Line(string line) => text.Append(line).Append('\n');
    }

    private static string Number(double value) => LatencyTables.Number(value);

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];

    private static (int From, int To)? Find(string text)
    {
        var from = text.IndexOf(Begin, StringComparison.Ordinal);
        var to = text.IndexOf(End, StringComparison.Ordinal);
        return from >= 0 && to > from ? (from + Begin.Length, to) : null;
    }
}
