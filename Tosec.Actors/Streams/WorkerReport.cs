using Tosec.Actors.Workers;

namespace Tosec.Actors.Streams;

/// <summary>What workers of every kind are asked.</summary>
internal static class WorkerProtocol
{
    /// <summary>Answered with a <see cref="WorkerReport"/>.</summary>
    public sealed class GetReport
    {
        public static readonly GetReport Instance = new();
    }
}

/// <summary>A worker as listings show it.</summary>
public sealed record WorkerReport
{
    public required string Worker { get; init; }
    public required string Guest { get; init; }
    public int Streams { get; init; }
    public long FromGuest { get; init; }
    public long FromParties { get; init; }
    public long ToParties { get; init; }
    public long SealedBytes { get; init; }
    public long Payloads { get; init; }
    public long Bytes { get; init; }
    public long Held { get; init; }
    public long Alerts { get; init; }
    public long Blocks { get; init; }
    public long Violations { get; init; }
    public long WakesSent { get; init; }
    public long WakesSuppressed { get; init; }
    public long Stalls { get; init; }
    public int Processes { get; init; }
    public long Connects { get; init; }
    public long Accepts { get; init; }
    public long Denied { get; init; }
    public long Resets { get; init; }
    public WorkerCounters? Loop { get; init; }
}
