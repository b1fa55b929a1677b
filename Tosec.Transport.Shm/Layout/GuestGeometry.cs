namespace Tosec.Transport.Shm.Layout;

/// <summary>
/// The counts that size a guest's segments, and where every area lies in them: the only place that computes an offset.
/// In C: the functions at the end of <c>tosec_layout.h</c>. All offsets and lengths are bytes from the start of their segment.
/// </summary>
public sealed record GuestGeometry
{
    public const int Page = 4096;
    public const int MaxChannels = 256;
    public const int MinStreams = 64;
    public const int MaxStreams = 65536;
    public const int EdgeLaneSlots = 128;
    public const int ReplyLaneSlots = 64;
    public const int CoreLaneSlots = 512;
    public const int RpcSlots = 16;
    public const int RpcSlotBytes = 512;
    public const int RpcReplyOffset = 256;
    public const int RingEntries = 64;
    public const int SmallBuffer = 2048;
    public const int LargeBuffer = 32768;

    public const int EdgeParties = Page;
    public const int EdgeReadySummary = 2 * Page;
    public const int EdgeReady = 3 * Page;
    public const int EdgeChannels = 5 * Page;
    public const int EdgeLaneBytes = LaneHeader.ByteSize + EdgeLaneSlots * Descriptor.ByteSize;
    public const int ReplyLaneBytes = LaneHeader.ByteSize + ReplyLaneSlots * Descriptor.ByteSize;
    public const int ChannelLanes = ChannelHeader.ByteSize;
    public const int ChannelReplyLane = ChannelLanes + Party.Count * EdgeLaneBytes;
    public const int ChannelRpc = ChannelReplyLane + ReplyLaneBytes;
    public const int ChannelBytes = (ChannelRpc + RpcSlots * RpcSlotBytes + Page - 1) / Page * Page;

    public const int ReceiveStates = Page;

    public const int CorePartyRecords = SegmentHeader.ByteSize;
    public const int CoreParties = Page;
    public const int CoreLanes = 2 * Page;
    public const int CoreLaneBytes = LaneHeader.ByteSize + CoreLaneSlots * Descriptor.ByteSize;
    public const int CoreRecords = CoreLanes + (Party.Count * Party.Count * CoreLaneBytes + Page - 1) / Page * Page;

    public required int Channels { get; init; }
    public required int Streams { get; init; }
    public required int SendSmall { get; init; }
    public required int SendLarge { get; init; }
    public required int SealedSmall { get; init; }
    public required int SealedLarge { get; init; }
    public required int ReceiveSmall { get; init; }
    public required int ReceiveLarge { get; init; }

    // Edge.
    public static long EdgeParty(int party) => EdgeParties + (long)party * EdgePartyState.ByteSize;
    public static long EdgeChannel(int channel) => EdgeChannels + (long)channel * ChannelBytes;
    public static long EdgeLane(int channel, int party) => EdgeChannel(channel) + ChannelLanes + (long)party * EdgeLaneBytes;
    public static long EdgeReplyLane(int channel) => EdgeChannel(channel) + ChannelReplyLane;
    public static long EdgeRpc(int channel, int slot) => EdgeChannel(channel) + ChannelRpc + (long)slot * RpcSlotBytes;
    public long EdgeCursors => EdgeChannel(Channels);
    public long EdgeCursor(int slot) => EdgeCursors + (long)slot * StreamCursor.ByteSize;
    public long EdgeSendPool => PageUp(EdgeCursor(Streams));
    public long SendBytesPerChannel => (long)SendSmall * SmallBuffer + (long)SendLarge * LargeBuffer;
    public long EdgeEnd => EdgeSendPool + Channels * SendBytesPerChannel;

    // Receive.
    public static long ReceiveState(int slot) => ReceiveStates + (long)slot * StreamState.ByteSize;
    public long ReceiveRings => ReceiveState(Streams);
    public long ReceiveRing(int slot) => ReceiveRings + (long)slot * RingEntries * ReceiveEntry.ByteSize;
    public long ReceivePool => PageUp(ReceiveRing(Streams));
    public long ReceiveEnd => ReceivePool + (long)ReceiveSmall * SmallBuffer + (long)ReceiveLarge * LargeBuffer;

    // Core.
    public static long CorePartyRecord(int party) => CorePartyRecords + (long)party * PartyRecord.ByteSize;
    public static long CoreParty(int party) => CoreParties + (long)party * CorePartyState.ByteSize;
    public static long CoreLane(int from, int to) => CoreLanes + (long)(from * Party.Count + to) * CoreLaneBytes;
    public static long CoreRecord(int slot) => CoreRecords + (long)slot * StreamRecord.ByteSize;
    public long CoreSealedOwners => CoreRecord(Streams);
    public long CoreSealedHints => PageUp(CoreSealedOwners + (long)(SealedSmall + SealedLarge) * sizeof(ulong));
    public long CoreReceiveOwners => PageUp(CoreSealedHints + HintBytes(SealedSmall, SealedLarge));
    public long CoreReceiveHints => PageUp(CoreReceiveOwners + (long)(ReceiveSmall + ReceiveLarge) * sizeof(ulong));
    public long CoreSealedPool => PageUp(CoreReceiveHints + HintBytes(ReceiveSmall, ReceiveLarge));
    public long CoreEnd => CoreSealedPool + (long)SealedSmall * SmallBuffer + (long)SealedLarge * LargeBuffer;

    /// <summary>Length of a segment: the least power of two that holds it, because a PCI BAR has such a length.</summary>
    public long SegmentBytes(SegmentKind kind) => (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)(kind switch
    {
        SegmentKind.Edge => EdgeEnd,
        SegmentKind.Receive => ReceiveEnd,
        _ => CoreEnd,
    }));

    /// <summary>Bytes of the hint bitmaps of a pool: whole words for each of its two classes.</summary>
    internal static long HintBytes(int small, int large) => (long)(((small + 63) / 64) + ((large + 63) / 64)) * sizeof(ulong);

    /// <summary>The counts of a segment header, or null when one of them is out of range: a header may be hostile.</summary>
    public static GuestGeometry? TryFrom(in SegmentHeader header)
    {
        const uint MaxBuffers = 1 << 22;
        if (header.Channels is < 1 or > MaxChannels || header.Streams is < MinStreams or > MaxStreams
            || !System.Numerics.BitOperations.IsPow2(header.Streams)
            || header.SendSmall is < 1 or > MaxBuffers || header.SendLarge is < 1 or > MaxBuffers
            || header.SealedSmall is < 1 or > MaxBuffers || header.SealedLarge is < 1 or > MaxBuffers
            || header.ReceiveSmall is < 1 or > MaxBuffers || header.ReceiveLarge is < 1 or > MaxBuffers)
            return null;
        return new GuestGeometry
        {
            Channels = (int)header.Channels,
            Streams = (int)header.Streams,
            SendSmall = (int)header.SendSmall,
            SendLarge = (int)header.SendLarge,
            SealedSmall = (int)header.SealedSmall,
            SealedLarge = (int)header.SealedLarge,
            ReceiveSmall = (int)header.ReceiveSmall,
            ReceiveLarge = (int)header.ReceiveLarge,
        };
    }

    private static long PageUp(long bytes) => (bytes + Page - 1) & ~(long)(Page - 1);
}
