namespace Tosec.Bench.Latency;

/// <summary>What to measure, and how long.</summary>
internal sealed record LatencyPlan
{
    /// <summary>What the request-response pair takes.</summary>
    public const int MaxBytes = 1 << 20;

    public required int Rounds { get; init; }

    public required int Requests { get; init; }

    public required int WarmUp { get; init; }

    public required int LimitMilliseconds { get; init; }

    public required IReadOnlyList<int> Bytes { get; init; }

    public required IReadOnlyList<Setting> Settings { get; init; }

    public required IReadOnlyList<string> Cases { get; init; }

    public required int Cpu { get; init; }

    public required int Spins { get; init; }

    public required bool Epoll { get; init; }
}
