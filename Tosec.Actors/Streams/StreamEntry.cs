using Akka.Actor;
using Tosec.Actors.Inspection;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Streams;

/// <summary>
/// A row of a VM's stream table (paper section 4): a connection, where its two streams come from and where they go next. Used on its
/// worker's thread only.
/// </summary>
internal class StreamEntry
{
    public StreamEntry(int slot, ulong connectionId, int self, ReadOnlySpan<byte> path)
    {
        Slot = slot;
        ConnectionId = connectionId;
        Path = path.ToArray();
        Position = path.IndexOf((byte)self);
        if (Position < 0)
            throw new ArgumentException($"party {self} is not on the path of connection {connectionId:x}", nameof(path));
        Outgoing = new StreamHalf(connectionId, Position == 0 ? Party.Guest : path[Position - 1],
            Position == path.Length - 1 ? Party.Guest : path[Position + 1]);
        Incoming = new StreamHalf(connectionId | 1, Outgoing.Next, Outgoing.Previous);
    }

    public int Slot { get; }

    /// <summary>Lowest bit 0: the id of the outgoing stream; with it set, of the incoming one.</summary>
    public ulong ConnectionId { get; }

    /// <summary>Parties from the guest outwards, the TOVM last.</summary>
    public byte[] Path { get; }

    /// <summary>Our place on it.</summary>
    public int Position { get; }

    public StreamHalf Outgoing { get; }

    public StreamHalf Incoming { get; }

    /// <summary>Whether channels of the guest send to us: we seal.</summary>
    public bool IsFirstHop => Position == 0;

    /// <summary>The stream actor; set by its worker when it has made it.</summary>
    public ActorCell? Actor { get; set; }

    /// <summary>Describes the connection for listings; on the worker's thread.</summary>
    public Func<StreamReport>? Describe { get; set; }

    public StreamHalf Half(StreamDirection direction) => direction == StreamDirection.Outgoing ? Outgoing : Incoming;

    /// <summary>Which of the two a stream id means, or null when it is another connection's.</summary>
    public StreamDirection? DirectionOf(ulong streamId) =>
        streamId == Outgoing.StreamId ? StreamDirection.Outgoing : streamId == Incoming.StreamId ? StreamDirection.Incoming : null;
}

/// <summary>One stream at one VM.</summary>
/// <param name="streamId">Cluster-wide.</param>
/// <param name="previous">The only party its payloads may come from.</param>
/// <param name="next">The party they go to.</param>
internal sealed class StreamHalf(ulong streamId, int previous, int next)
{
    public ulong StreamId { get; } = streamId;

    public int Previous { get; } = previous;

    public int Next { get; } = next;

    /// <summary>Number that the next payload from <see cref="Previous"/> must carry.</summary>
    public ulong ExpectedSequence { get; set; }

    /// <summary>Number that the next payload to <see cref="Next"/> is given.</summary>
    public ulong NextSequence { get; set; }

    /// <summary>Credit used so far, as the first hop counts it; bytes of buffer classes.</summary>
    public ulong Position { get; set; }

    /// <summary>FIN or an end by error has been taken in.</summary>
    public bool Ended { get; set; }

    /// <summary>Payloads taken in.</summary>
    public long Payloads { get; set; }

    /// <summary>Bytes taken in.</summary>
    public long Bytes { get; set; }

    /// <summary>What came before its turn, already sealed; null while everything is in order.</summary>
    public SortedList<ulong, Descriptor>? Early { get; set; }
}
