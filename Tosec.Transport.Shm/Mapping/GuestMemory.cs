using System.Security.Cryptography;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Pools;
using Tosec.Transport.Shm.Rings;

namespace Tosec.Transport.Shm.Mapping;

/// <summary>
/// The segments of one guest, mapped: three for a trusted party, two for the guest. Gives typed views of the areas; the owner of the
/// mapping stops every user of it before disposal.
/// </summary>
public sealed unsafe class GuestMemory : IDisposable
{
    private readonly Segment _edge;
    private readonly Segment _receive;
    private readonly Segment? _core;

    private GuestMemory(Segment edge, Segment receive, Segment? core)
    {
        _edge = edge;
        _receive = receive;
        _core = core;
        Geometry = receive.Geometry;
        if (core is null)
            return;
        SealedPool = SealedPoolOf(core);
        ReceivePool = new SharedPool((ulong*)(core.Base + Geometry.CoreReceiveOwners), (ulong*)(core.Base + Geometry.CoreReceiveHints),
            receive.Base, Geometry.ReceivePool, Geometry.ReceiveSmall, Geometry.ReceiveLarge);
    }

    public GuestGeometry Geometry { get; }

    public GuestIdentity Guest => _receive.Guest;

    /// <summary>Whether the core segment is here: whether this is a trusted party.</summary>
    public bool HasCore => _core is not null;

    /// <summary>Whether a party may attach to this memory, whether or not it is there now.</summary>
    public bool HasPlaceFor(int party) => party is >= 0 and < Party.Count && (_receive.Parties >> party & 1) != 0;

    /// <summary>Bytes of address space that the segments take here; the kernel backs only what was touched.</summary>
    public long MappedBytes => _edge.Length + _receive.Length + (_core?.Length ?? 0);

    /// <summary>Pool of sealed outgoing payloads. Null without the core segment.</summary>
    public SharedPool SealedPool { get; } = null!;

    /// <summary>Pool of incoming payloads. Null without the core segment.</summary>
    public SharedPool ReceivePool { get; } = null!;

    /// <summary>Makes the three segments of a guest. The caller owns the descriptors.</summary>
    public static (MemoryDescriptor Edge, MemoryDescriptor Receive, MemoryDescriptor Core) Create(GuestGeometry geometry,
        GuestIdentity guest, IReadOnlyList<PartyIdentity> parties)
    {
        var epoch = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
        var made = new List<MemoryDescriptor>(3);
        try
        {
            foreach (var kind in (ReadOnlySpan<SegmentKind>)[SegmentKind.Edge, SegmentKind.Receive, SegmentKind.Core])
                made.Add(Segment.Create(kind, geometry, guest, epoch, parties));
            using var opened = OpenTrusted(made[0], made[1], made[2]);
            opened.SealedPool.InitializeHints();
            opened.ReceivePool.InitializeHints();
            return (made[0], made[1], made[2]);
        }
        catch
        {
            made.ForEach(d => d.Dispose());
            throw;
        }
    }

    /// <summary>Maps all three for a trusted party. The geometry is the core's: the guest cannot write there.</summary>
    /// <exception cref="SegmentException">One of them is not what it should be, or they do not belong together.</exception>
    public static GuestMemory OpenTrusted(MemoryDescriptor edge, MemoryDescriptor receive, MemoryDescriptor core)
    {
        var opened = new List<Segment>(3);
        try
        {
            opened.Add(Segment.Open(core, SegmentKind.Core, writable: true));
            opened.Add(Segment.Open(receive, SegmentKind.Receive, writable: true, trusted: opened[0]));
            opened.Add(Segment.Open(edge, SegmentKind.Edge, writable: true, trusted: opened[0]));
            return new GuestMemory(opened[2], opened[1], opened[0]);
        }
        catch
        {
            opened.ForEach(s => s.Dispose());
            throw;
        }
    }

    /// <summary>Maps what the guest has: edge, and receive for reading.</summary>
    public static GuestMemory OpenGuest(MemoryDescriptor edge, MemoryDescriptor receive)
    {
        var received = Segment.Open(receive, SegmentKind.Receive, writable: false);
        try
        {
            return new GuestMemory(Segment.Open(edge, SegmentKind.Edge, writable: true, trusted: received), received, null);
        }
        catch
        {
            received.Dispose();
            throw;
        }
    }

    /// <summary>The parties that the creator has named.</summary>
    public IReadOnlyList<PartyIdentity> Parties()
    {
        var parties = new List<PartyIdentity>();
        for (var p = 0; p < Party.Count; p++)
        {
            var record = Core + GuestGeometry.CorePartyRecord(p);
            var name = FixedText.Read(new ReadOnlySpan<byte>(record, PartyRecord.NameBytes));
            if (name.Length > 0)
                parties.Add(new PartyIdentity(p, name, FixedText.Read(new ReadOnlySpan<byte>(record + PartyRecord.NameBytes, PartyRecord.NameBytes))));
        }

        return parties;
    }

    public void Dispose()
    {
        _edge.Dispose();
        _receive.Dispose();
        _core?.Dispose();
    }

    internal byte* Edge => _edge.Base;

    internal byte* Receive => _receive.Base;

    private byte* Core => (_core ?? throw new InvalidOperationException("the core segment is absent in a guest")).Base;

    internal ref EdgePartyState EdgeParty(int party) => ref *(EdgePartyState*)(Edge + GuestGeometry.EdgeParty(party));

    internal ref CorePartyState CoreParty(int party) => ref *(CorePartyState*)(Core + GuestGeometry.CoreParty(party));

    internal ref ChannelHeader Channel(int channel) => ref *(ChannelHeader*)(Edge + GuestGeometry.EdgeChannel(channel));

    internal ref StreamCursor Cursor(int slot) => ref *(StreamCursor*)(Edge + Geometry.EdgeCursor(slot));

    internal ref StreamState State(int slot) => ref *(StreamState*)(Receive + GuestGeometry.ReceiveState(slot));

    internal ref StreamRecord Record(int slot) => ref *(StreamRecord*)(Core + GuestGeometry.CoreRecord(slot));

    internal ReceiveEntry* Ring(int slot) => (ReceiveEntry*)(Receive + Geometry.ReceiveRing(slot));

    internal ReceiveRingWriter RingWriter(int slot) => new((StreamState*)(Receive + GuestGeometry.ReceiveState(slot)), Ring(slot));

    internal LaneConsumer EdgeConsumer(int channel, int party) => new(Edge + GuestGeometry.EdgeLane(channel, party), GuestGeometry.EdgeLaneSlots);

    internal LaneProducer EdgeProducer(int channel, int party) => new(Edge + GuestGeometry.EdgeLane(channel, party), GuestGeometry.EdgeLaneSlots);

    internal LaneProducer ReplyProducer(int channel) => new(Edge + GuestGeometry.EdgeReplyLane(channel), GuestGeometry.ReplyLaneSlots);

    internal LaneConsumer CoreConsumer(int from, int to) => new(Core + GuestGeometry.CoreLane(from, to), GuestGeometry.CoreLaneSlots);

    internal LaneProducer CoreProducer(int from, int to) => new(Core + GuestGeometry.CoreLane(from, to), GuestGeometry.CoreLaneSlots);

    /// <summary>The range that a descriptor names, if it lies within one buffer of that channel's part of the send pool.</summary>
    internal bool TrySendBuffer(int channel, ulong offset, uint length, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        var first = (ulong)(Geometry.EdgeSendPool + channel * Geometry.SendBytesPerChannel);
        if (length == 0 || offset < first || offset - first >= (ulong)Geometry.SendBytesPerChannel)
            return false;
        // Within one buffer, because the class of the buffer is what the stream pays for: a range that runs on from a small buffer
        // would be held for the price of one.
        var position = offset - first;
        var smallBytes = (ulong)Geometry.SendSmall * GuestGeometry.SmallBuffer;
        var left = position < smallBytes
            ? GuestGeometry.SmallBuffer - position % GuestGeometry.SmallBuffer
            : GuestGeometry.LargeBuffer - (position - smallBytes) % GuestGeometry.LargeBuffer;
        if (length > left)
            return false;
        bytes = new ReadOnlySpan<byte>(Edge + offset, (int)length);
        return true;
    }

    /// <summary>What a send buffer that <see cref="TrySendBuffer"/> has accepted costs of its stream's credit: bytes of its class.</summary>
    internal int SendBufferCost(int channel, ulong offset) =>
        offset - (ulong)(Geometry.EdgeSendPool + channel * Geometry.SendBytesPerChannel)
            < (ulong)Geometry.SendSmall * GuestGeometry.SmallBuffer ? GuestGeometry.SmallBuffer : GuestGeometry.LargeBuffer;

    private static SharedPool SealedPoolOf(Segment core) => new((ulong*)(core.Base + core.Geometry.CoreSealedOwners),
        (ulong*)(core.Base + core.Geometry.CoreSealedHints), core.Base, core.Geometry.CoreSealedPool,
        core.Geometry.SealedSmall, core.Geometry.SealedLarge);
}
