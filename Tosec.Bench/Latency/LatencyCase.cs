namespace Tosec.Bench.Latency;

/// <summary>A case of the paper: with so many security functions on the way, by TOSEC (A) or by what it is to replace (B).</summary>
internal sealed record LatencyCase(string Name, int Functions, bool IsTosec, string Title)
{
    public static IReadOnlyList<LatencyCase> All { get; } =
    [
        new("1B", 0, false, "kernel TCP"),
        new("1A", 0, true, "TOSEC, empty chain"),
        new("2B", 1, false, "one HAProxy"),
        new("2A", 1, true, "TOSEC, one SVM"),
        new("3B", 2, false, "two HAProxys"),
        new("3A", 2, true, "TOSEC, two SVMs"),
    ];

    public static LatencyCase Of(string name) => All.First(one => one.Name == name);
}
