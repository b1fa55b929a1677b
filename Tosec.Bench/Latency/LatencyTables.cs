using System.Globalization;
using Spectre.Console;

namespace Tosec.Bench.Latency;

/// <summary>The figures for the terminal.</summary>
internal static class LatencyTables
{
    public static string NameOf(Setting setting) => setting == Setting.Free ? "free" : "one CPU";

    public static string NameOf(int bytes) => bytes < 1024 || bytes % 1024 != 0 ? $"{bytes} B" : $"{bytes / 1024} KiB";

    public static string Number(double value) => value.ToString(value < 10 ? "0.00" : "0.0", CultureInfo.InvariantCulture);

    public static string Conditions(LatencyResults results) => string.Create(CultureInfo.InvariantCulture,
        $"load average {results.LoadBefore[0]:0.0} before and {results.LoadAfter[0]:0.0} after; other work on the machine kept "
        + $"{LatencySummary.Median(results.Background.Select(one => one.BusyCpus)):0.00} of {results.Machine.Cpus} CPUs busy (median of the measurements)");

    public static void Show(IAnsiConsole console, LatencyResults results)
    {
        // A file or a pipe has no width, and tables are to be read there too.
        console.Profile.Width = Math.Max(console.Profile.Width, 160);
        foreach (var setting in results.Plan.Settings)
        {
            console.Write(Figures(results, setting));
            console.Write(Ratios(results, setting));
        }

        console.MarkupLineInterpolated($"{results.Machine.Processor}, {results.Machine.Cpus} CPUs, Linux {results.Machine.Kernel}; {Conditions(results)}");
    }

    private static Table Figures(LatencyResults results, Setting setting)
    {
        var table = new Table().Title($"Request and response in µs, {NameOf(setting)}: {results.Pinning[setting]}").RoundedBorder();
        foreach (var name in new[] { "bytes", "case", "", "p50", "p99", "p50 of rounds", "CPU", "sleeps", "CPU by party" })
            table.AddColumn(name.Length == 0 ? "what" : name);
        foreach (var column in (int[])[0, 3, 4, 5, 6, 7])
            table.Columns[column].RightAligned();
        foreach (var figure in results.Figures.Where(figure => figure.Setting == setting))
        {
            table.AddRow(
                NameOf(figure.Bytes), figure.Case, LatencyCase.Of(figure.Case).Title, Number(figure.P50), Number(figure.P99),
                $"{Number(figure.P50Least)} to {Number(figure.P50Most)}", Number(figure.Cpu), Number(figure.Sleeps),
                string.Join(", ", figure.Parties.Select(party => $"{party.Key} {Number(party.Value.CpuMicroseconds)}")));
        }

        return table;
    }

    private static Table Ratios(LatencyResults results, Setting setting)
    {
        var table = new Table().Title($"Medians beside one another, {NameOf(setting)}").RoundedBorder();
        foreach (var name in new[] { "bytes", "ratio", "ours", "theirs", "is", "goal", "holds" })
            table.AddColumn(name);
        foreach (var ratio in results.Ratios.Where(ratio => ratio.Setting == setting))
        {
            var holds = ratio.Holds switch { true => "[green]yes[/]", false => "[red]no[/]", null => "" };
            table.AddRow(
                NameOf(ratio.Bytes), ratio.Name, Number(ratio.Ours), Number(ratio.Theirs), $"[bold]{ratio.Ratio:0.00}[/]",
                ratio.Goal is { } goal ? $"at most {goal:0.0}" : "", holds);
        }

        return table;
    }
}
