namespace Tosec.Actors.Vms;

/// <summary>What the actor of this node's VM (<c>/user/vm</c>) understands. Local only.</summary>
public static class VmProtocol
{
    /// <summary>Answered with <c>StreamReport[]</c>: the connections that pass this VM.</summary>
    public sealed record ListStreams;

    /// <summary>Answered with <c>WorkerReport[]</c>.</summary>
    public sealed record ListWorkers;

    /// <summary>Answered with <see cref="PoolReport"/>[].</summary>
    public sealed record ListPools;

    /// <summary>Answered with <see cref="GuestReport"/>[].</summary>
    public sealed record ListGuests;

    /// <summary>Ends everything in order; the actor stops when it is done.</summary>
    public sealed record Stop;
}

/// <summary>A pool of a guest's memory as listings show it.</summary>
public sealed record PoolReport(string Guest, string Pool, string Class, int Buffers, int InUse, IReadOnlyDictionary<string, int> ByOwner);

/// <summary>A guest as this VM sees it.</summary>
/// <param name="Guest">Name.</param>
/// <param name="State">attached, or what it waits for.</param>
/// <param name="Parties">Who is attached: name and type.</param>
/// <param name="MemoryBytes">Of its segments that are mapped here.</param>
public sealed record GuestReport(string Guest, string State, IReadOnlyList<string> Parties, long MemoryBytes);
