using CsCheck;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Transport.Shm.Layout;

/// <summary>Where the areas of the segments lie: pinned for one geometry, and disjoint for all.</summary>
public sealed class GuestGeometrySpecs
{
    internal static readonly GuestGeometry Example = new()
    {
        Channels = 16,
        Streams = 256,
        SendSmall = 32,
        SendLarge = 8,
        SealedSmall = 100,
        SealedLarge = 10,
        ReceiveSmall = 200,
        ReceiveLarge = 20,
    };

    private static readonly Gen<GuestGeometry> _geometries =
        from channels in Gen.Int[1, GuestGeometry.MaxChannels]
        from streams in Gen.Int[6, 16]
        from send in Gen.Select(Gen.Int[1, 300], Gen.Int[1, 100])
        from seal in Gen.Select(Gen.Int[1, 3000], Gen.Int[1, 300])
        from receive in Gen.Select(Gen.Int[1, 3000], Gen.Int[1, 300])
        select new GuestGeometry
        {
            Channels = channels,
            Streams = 1 << streams,
            SendSmall = send.Item1,
            SendLarge = send.Item2,
            SealedSmall = seal.Item1,
            SealedLarge = seal.Item2,
            ReceiveSmall = receive.Item1,
            ReceiveLarge = receive.Item2,
        };

    [Fact]
    public void Constants_are_what_they_were()
    {
        Assert.Equal(4096, GuestGeometry.Page);
        Assert.Equal(256, GuestGeometry.MaxChannels);
        Assert.Equal(64, GuestGeometry.MinStreams);
        Assert.Equal(65536, GuestGeometry.MaxStreams);
        Assert.Equal(128, GuestGeometry.EdgeLaneSlots);
        Assert.Equal(64, GuestGeometry.ReplyLaneSlots);
        Assert.Equal(512, GuestGeometry.CoreLaneSlots);
        Assert.Equal(16, GuestGeometry.RpcSlots);
        Assert.Equal(512, GuestGeometry.RpcSlotBytes);
        Assert.Equal(256, GuestGeometry.RpcReplyOffset);
        Assert.Equal(64, GuestGeometry.RingEntries);
        Assert.Equal(2048, GuestGeometry.SmallBuffer);
        Assert.Equal(32768, GuestGeometry.LargeBuffer);
        Assert.Equal(4096, GuestGeometry.EdgeParties);
        Assert.Equal(8192, GuestGeometry.EdgeReadySummary);
        Assert.Equal(12288, GuestGeometry.EdgeReady);
        Assert.Equal(20480, GuestGeometry.EdgeChannels);
        Assert.Equal(8448, GuestGeometry.EdgeLaneBytes);
        Assert.Equal(4352, GuestGeometry.ReplyLaneBytes);
        Assert.Equal(256, GuestGeometry.ChannelLanes);
        Assert.Equal(67840, GuestGeometry.ChannelReplyLane);
        Assert.Equal(72192, GuestGeometry.ChannelRpc);
        Assert.Equal(81920, GuestGeometry.ChannelBytes);
        Assert.Equal(4096, GuestGeometry.ReceiveStates);
        Assert.Equal(256, GuestGeometry.CorePartyRecords);
        Assert.Equal(4096, GuestGeometry.CoreParties);
        Assert.Equal(8192, GuestGeometry.CoreLanes);
        Assert.Equal(33024, GuestGeometry.CoreLaneBytes);
        Assert.Equal(2121728, GuestGeometry.CoreRecords);
        Assert.Equal(8, Party.Count);
        Assert.Equal(0, Party.Guest);
        Assert.Equal(1, Party.Tovm);
        Assert.Equal(2, Party.FirstSvm);
        Assert.Equal(0x47455343534F5431ul, SegmentHeader.ExpectedMagic);
        Assert.Equal(0x00010001u, SegmentHeader.CurrentVersion);
    }

    [Fact]
    public void Places_of_the_example_are_what_they_were()
    {
        // Edge.
        Assert.Equal(4608, GuestGeometry.EdgeParty(2));
        Assert.Equal(266240, GuestGeometry.EdgeChannel(3));
        Assert.Equal(283392, GuestGeometry.EdgeLane(3, 2));
        Assert.Equal(334080, GuestGeometry.EdgeReplyLane(3));
        Assert.Equal(340992, GuestGeometry.EdgeRpc(3, 5));
        Assert.Equal(1331200, Example.EdgeCursors);
        Assert.Equal(1332480, Example.EdgeCursor(10));
        Assert.Equal(1363968, Example.EdgeSendPool);
        Assert.Equal(327680, Example.SendBytesPerChannel);
        Assert.Equal(6606848, Example.EdgeEnd);
        Assert.Equal(8388608, Example.SegmentBytes(SegmentKind.Edge));
        // Receive.
        Assert.Equal(6656, GuestGeometry.ReceiveState(10));
        Assert.Equal(69632, Example.ReceiveRings);
        Assert.Equal(78848, Example.ReceiveRing(9));
        Assert.Equal(331776, Example.ReceivePool);
        Assert.Equal(1396736, Example.ReceiveEnd);
        Assert.Equal(2097152, Example.SegmentBytes(SegmentKind.Receive));
        // Core.
        Assert.Equal(384, GuestGeometry.CorePartyRecord(2));
        Assert.Equal(4608, GuestGeometry.CoreParty(2));
        Assert.Equal(371456, GuestGeometry.CoreLane(1, 3));
        Assert.Equal(2124288, GuestGeometry.CoreRecord(10));
        Assert.Equal(2187264, Example.CoreSealedOwners);
        Assert.Equal(2191360, Example.CoreSealedHints);
        Assert.Equal(2195456, Example.CoreReceiveOwners);
        Assert.Equal(2199552, Example.CoreReceiveHints);
        Assert.Equal(2203648, Example.CoreSealedPool);
        Assert.Equal(2736128, Example.CoreEnd);
        Assert.Equal(4194304, Example.SegmentBytes(SegmentKind.Core));
    }

    [Fact]
    public void The_last_of_an_area_ends_before_the_next_begins_in_every_geometry()
    {
        const int Owner = sizeof(ulong);
        _geometries.Sample(g =>
        {
            var last = g.Streams - 1;
            InOrder(
            [
                (0, SegmentHeader.ByteSize),
                (GuestGeometry.EdgeParty(0), Party.Count * EdgePartyState.ByteSize),
                (GuestGeometry.EdgeReadySummary, GuestGeometry.MaxStreams / 64 / 64 * 8),
                (GuestGeometry.EdgeReady, GuestGeometry.MaxStreams / 64 * 8),
                (GuestGeometry.EdgeChannel(g.Channels - 1), ChannelHeader.ByteSize),
                (GuestGeometry.EdgeLane(g.Channels - 1, Party.Count - 1), GuestGeometry.EdgeLaneBytes),
                (GuestGeometry.EdgeReplyLane(g.Channels - 1), GuestGeometry.ReplyLaneBytes),
                (GuestGeometry.EdgeRpc(g.Channels - 1, GuestGeometry.RpcSlots - 1), GuestGeometry.RpcSlotBytes),
                (g.EdgeCursor(last), StreamCursor.ByteSize),
                (g.EdgeSendPool, g.Channels * g.SendBytesPerChannel),
                (g.EdgeEnd, 0),
            ], g.SegmentBytes(SegmentKind.Edge));
            InOrder(
            [
                (0, SegmentHeader.ByteSize),
                (GuestGeometry.ReceiveState(last), StreamState.ByteSize),
                (g.ReceiveRing(last), GuestGeometry.RingEntries * ReceiveEntry.ByteSize),
                (g.ReceivePool, (long)g.ReceiveSmall * 2048 + (long)g.ReceiveLarge * 32768),
                (g.ReceiveEnd, 0),
            ], g.SegmentBytes(SegmentKind.Receive));
            InOrder(
            [
                (0, SegmentHeader.ByteSize),
                (GuestGeometry.CorePartyRecord(Party.Count - 1), PartyRecord.ByteSize),
                (GuestGeometry.CoreParty(Party.Count - 1), CorePartyState.ByteSize),
                (GuestGeometry.CoreLane(Party.Count - 1, Party.Count - 1), GuestGeometry.CoreLaneBytes),
                (GuestGeometry.CoreRecord(last), StreamRecord.ByteSize),
                (g.CoreSealedOwners, (g.SealedSmall + g.SealedLarge) * Owner),
                (g.CoreSealedHints, GuestGeometry.HintBytes(g.SealedSmall, g.SealedLarge)),
                (g.CoreReceiveOwners, (g.ReceiveSmall + g.ReceiveLarge) * Owner),
                (g.CoreReceiveHints, GuestGeometry.HintBytes(g.ReceiveSmall, g.ReceiveLarge)),
                (g.CoreSealedPool, (long)g.SealedSmall * 2048 + (long)g.SealedLarge * 32768),
                (g.CoreEnd, 0),
            ], g.SegmentBytes(SegmentKind.Core));
        });
    }

    private static void InOrder((long Start, long Length)[] areas, long segment)
    {
        for (var i = 1; i < areas.Length; i++)
        {
            Assert.True(areas[i - 1].Start + areas[i - 1].Length <= areas[i].Start, $"area {i - 1} runs into area {i}");
            Assert.Equal(0, areas[i].Start % 8);
        }

        Assert.True(areas[^1].Start <= segment && segment < 2 * areas[^1].Start);
        Assert.True(System.Numerics.BitOperations.IsPow2(segment));
    }
}
