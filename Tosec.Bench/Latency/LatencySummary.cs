namespace Tosec.Bench.Latency;

/// <summary>A case over all rounds. Times are microseconds; every figure is the median of the rounds' figures.</summary>
internal sealed record LatencyFigure(
    Setting Setting, string Case, int Bytes, double P50, double P99, double P999, double P50Least, double P50Most, double Cpu, double Sleeps,
    IReadOnlyDictionary<string, PartyUse> Parties);

/// <summary>Two cases beside one another, and the goal for them where there is one.</summary>
/// <param name="Setting">Where the parties ran.</param>
/// <param name="Bytes">Length of request and response.</param>
/// <param name="Name">What is divided by what.</param>
/// <param name="Ours">Microseconds.</param>
/// <param name="Theirs">Microseconds.</param>
/// <param name="Goal">Most that the ratio may be; null: no goal.</param>
internal sealed record LatencyRatio(Setting Setting, int Bytes, string Name, double Ours, double Theirs, double? Goal)
{
    public double Ratio => Ours / Theirs;

    public bool? Holds => Goal is { } goal ? Ratio <= goal : null;
}

/// <summary>Turns measurements into figures. Pure.</summary>
internal static class LatencySummary
{
    public static IReadOnlyList<LatencyFigure> Figures(IEnumerable<LatencySample> samples) =>
        [.. samples.GroupBy(sample => (sample.Setting, sample.Case, sample.Bytes)).Select(rounds => new LatencyFigure(
            rounds.Key.Setting,
            rounds.Key.Case,
            rounds.Key.Bytes,
            Median(rounds.Select(one => one.Client.P50Nanoseconds / 1000.0)),
            Median(rounds.Select(one => one.Client.P99Nanoseconds / 1000.0)),
            Median(rounds.Select(one => one.Client.P999Nanoseconds / 1000.0)),
            rounds.Min(one => one.Client.P50Nanoseconds) / 1000.0,
            rounds.Max(one => one.Client.P50Nanoseconds) / 1000.0,
            Median(rounds.Select(one => one.Parties.Values.Sum(use => use.CpuMicroseconds))),
            Median(rounds.Select(one => one.Parties.Values.Sum(use => use.Sleeps))),
            rounds.First().Parties.Keys.ToDictionary(party => party, party => new PartyUse(
                Median(rounds.Select(one => one.Parties[party].CpuMicroseconds)),
                Median(rounds.Select(one => one.Parties[party].Sleeps))))))];

    public static IReadOnlyList<LatencyRatio> Ratios(IReadOnlyList<LatencyFigure> figures)
    {
        var ratios = new List<LatencyRatio>();
        foreach (var group in figures.GroupBy(figure => (figure.Setting, figure.Bytes)))
        {
            var p50 = group.ToDictionary(figure => figure.Case, figure => figure.P50);
            Add("1A / 1B", ["1A"], ["1B"], 2.0);
            Add("2A / 2B", ["2A"], ["2B"], null);
            Add("3A / 3B", ["3A"], ["3B"], null);
            Add("(2A - 1A) / (2B - 1B)", ["2A", "1A"], ["2B", "1B"], 1.0);
            Add("(3A - 2A) / (3B - 2B)", ["3A", "2A"], ["3B", "2B"], 1.0);

            void Add(string name, string[] ours, string[] theirs, double? goal)
            {
                if (ours.Concat(theirs).All(p50.ContainsKey))
                    ratios.Add(new LatencyRatio(group.Key.Setting, group.Key.Bytes, name, Difference(ours), Difference(theirs), goal));
            }

            double Difference(string[] cases) => cases.Length == 1 ? p50[cases[0]] : p50[cases[0]] - p50[cases[1]];
        }

        return ratios;
    }

    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
