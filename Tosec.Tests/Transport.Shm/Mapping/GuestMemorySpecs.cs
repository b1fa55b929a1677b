using CsCheck;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;
using Tosec.Transport.Shm.Rings;

namespace Tosec.Tests.Transport.Shm.Mapping;

/// <summary>The typed views of a guest's segments, and what is never believed of the guest.</summary>
public sealed class GuestMemorySpecs : IDisposable
{
    private readonly SharedGuest _guest = new();

    public void Dispose() => _guest.Dispose();

    [Fact]
    public void The_guest_has_no_core_and_nothing_that_lies_there()
    {
        using var memory = _guest.OpenGuest();

        Assert.False(memory.HasCore);
        Assert.Null(memory.SealedPool);
        Assert.Null(memory.ReceivePool);
        Assert.Throws<InvalidOperationException>(() => memory.CoreParty(Party.Tovm).Sleeping);
        Assert.Throws<InvalidOperationException>(() => memory.Record(0).ConnectionId);
        Assert.Throws<InvalidOperationException>(() => memory.CoreConsumer(1, 2));
        Assert.Throws<InvalidOperationException>(() => memory.CoreProducer(1, 2));
        Assert.Throws<InvalidOperationException>(memory.Parties);
        Assert.Equal(_guest.Geometry.SegmentBytes(SegmentKind.Edge) + _guest.Geometry.SegmentBytes(SegmentKind.Receive), memory.MappedBytes);
    }

    [Fact]
    public void A_trusted_party_finds_the_parties_that_the_creator_named()
    {
        using var memory = _guest.OpenTrusted();

        Assert.True(memory.HasCore);
        Assert.Equal(SharedGuest.Parties, memory.Parties());
        Assert.Equal(_guest.Identity, memory.Guest);
    }

    [Fact]
    public void Fresh_memory_has_every_buffer_free_and_every_lane_empty()
    {
        using var memory = _guest.OpenTrusted();

        Assert.All(Enumerable.Range(0, memory.SealedPool.Count), i => Assert.True(memory.SealedPool.Owner(i).Free));
        Assert.All(Enumerable.Range(0, memory.ReceivePool.Count), i => Assert.True(memory.ReceivePool.Owner(i).Free));
        Assert.Equal(LaneStatus.Empty, memory.EdgeConsumer(2, Party.Tovm).TryPeek(out _));
        Assert.Equal(LaneStatus.Empty, memory.CoreConsumer(Party.Tovm, 2).TryPeek(out _));
        Assert.Equal(75, RentAll(memory));
    }

    [Fact]
    public void What_one_mapping_writes_the_other_reads_at_the_same_place()
    {
        using var trusted = _guest.OpenTrusted();
        using var guest = _guest.OpenGuest();
        var last = _guest.Geometry.Streams - 1;

        guest.Cursor(last).ReceiveHead = 11;
        guest.Channel(2).Session = 12;
        guest.EdgeParty(Party.Tovm).Heartbeat = 13;
        trusted.State(last).SendLimit = 14;
        trusted.RingWriter(last).Publish(ReceiveEntryKind.Data, 15, 16);
        var producer = guest.EdgeProducer(2, Party.Tovm);
        producer.TryPublish(new Descriptor { Correlation = 17 });
        var reply = trusted.ReplyProducer(2);
        reply.TryPublish(new Descriptor { Correlation = 18 });

        Assert.Equal(11ul, trusted.Cursor(last).ReceiveHead);
        Assert.Equal(12ul, trusted.Channel(2).Session);
        Assert.Equal(13ul, trusted.EdgeParty(Party.Tovm).Heartbeat);
        Assert.Equal(14ul, guest.State(last).SendLimit);
        Assert.Equal(1ul, guest.State(last).ReceiveTail);
        unsafe
        {
            Assert.Equal((15ul, 16u, (uint)ReceiveEntryKind.Data), (guest.Ring(last)->Offset, guest.Ring(last)->Length, guest.Ring(last)->Kind));
            var replies = new LaneConsumer(guest.Edge + GuestGeometry.EdgeReplyLane(2), GuestGeometry.ReplyLaneSlots);
            Assert.Equal(LaneStatus.Done, replies.TryPeek(out var answered));
            Assert.Equal(18ul, answered.Correlation);
        }

        Assert.Equal(LaneStatus.Done, trusted.EdgeConsumer(2, Party.Tovm).TryPeek(out var descriptor));
        Assert.Equal(17ul, descriptor.Correlation);
        Assert.Equal(LaneStatus.Empty, trusted.EdgeConsumer(1, Party.Tovm).TryPeek(out _));
        Assert.Equal(LaneStatus.Empty, trusted.EdgeConsumer(2, 2).TryPeek(out _));
    }

    [Fact]
    public void A_send_range_is_taken_only_within_one_buffer_of_its_channel()
    {
        using var memory = _guest.OpenTrusted();
        var g = _guest.Geometry;
        var around = Gen.OneOf(-1L, 0, 1, 7, 2047, 2048, 2049, 8191, 8192, 32767, 32768, 40960, g.SendBytesPerChannel - 1, g.SendBytesPerChannel);
        var offsets = Gen.OneOf(
            Gen.Select(Gen.Int[0, 2], around, Gen.Int[-2, 2], (c, o, d) => (ulong)(g.EdgeSendPool + c * g.SendBytesPerChannel + o + d)),
            Gen.Int[0, 3].Select(c => (ulong)(g.EdgeSendPool + c * g.SendBytesPerChannel)), Gen.ULong, Gen.OneOf(0ul, ulong.MaxValue));
        var lengths = Gen.OneOf(Gen.UInt[0, 40000], Gen.OneOf<uint>(0u, 1, 2047, 2048, 2049, 32767, 32768, 32769, uint.MaxValue));

        Gen.Select(Gen.Int[0, 2], offsets, lengths).Sample((channel, offset, length) =>
        {
            var expected = OneBuffer(channel, offset, length);
            Assert.Equal(expected > 0, memory.TrySendBuffer(channel, offset, length, out var bytes));
            if (expected == 0)
                return bytes.IsEmpty;
            return bytes.Length == (int)length && memory.SendBufferCost(channel, offset) == expected;
        }, iter: 20_000);
    }

    [Fact]
    public void A_range_that_runs_on_from_a_small_buffer_is_not_had_for_the_price_of_one()
    {
        using var memory = _guest.OpenTrusted();
        var first = (ulong)_guest.Geometry.EdgeSendPool;

        Assert.True(memory.TrySendBuffer(0, first, 2048, out _));
        Assert.False(memory.TrySendBuffer(0, first, 2049, out _));
        Assert.False(memory.TrySendBuffer(0, first + 2047, 2, out _));
        Assert.False(memory.TrySendBuffer(0, first + 3 * 2048, 32768, out _));
        Assert.True(memory.TrySendBuffer(0, first + 4 * 2048, 32768, out _));
    }

    [Theory]
    [InlineData("name")]
    [InlineData("party")]
    public void Creation_that_fails_leaves_no_memory_behind(string what)
    {
        var tooLong = new string('x', 32);
        var unique = $"f{Guid.NewGuid():N}"[..12];
        var identity = new GuestIdentity(what == "name" ? unique + tooLong : unique, 1, 1);
        PartyIdentity[] parties = what == "party" ? [new(Party.Tovm, tooLong, "tovm")] : [];

        Assert.Throws<ArgumentException>(() => GuestMemory.Create(SharedGuest.Small, identity, parties));

        Assert.Equal(0, OpenDescriptors.OfGuest(identity.Name));
    }

    [Fact]
    public void Opening_that_fails_leaves_no_mapping_behind()
    {
        using var other = new SharedGuest();

        Assert.Throws<SegmentException>(() => GuestMemory.OpenTrusted(other.Edge, _guest.Receive, _guest.Core));
        Assert.Throws<SegmentException>(() => GuestMemory.OpenGuest(other.Edge, _guest.Receive));

        Assert.Equal(3, OpenDescriptors.OfGuest(_guest.Identity.Name));
        Assert.Equal(3, OpenDescriptors.OfGuest(other.Identity.Name));
    }

    private static int RentAll(GuestMemory memory)
    {
        var rented = 0;
        while (memory.SealedPool.TryRent(1, Party.Tovm, 0, out _))
            rented++;
        return rented;
    }

    // By looking at each buffer in turn; its size, or 0 if none holds the range.
    private int OneBuffer(int channel, ulong offset, uint length)
    {
        var g = _guest.Geometry;
        var start = (ulong)(g.EdgeSendPool + channel * g.SendBytesPerChannel);
        for (var i = 0; i < g.SendSmall + g.SendLarge; i++)
        {
            var size = i < g.SendSmall ? 2048 : 32768;
            if (length > 0 && length <= size && offset >= start && offset - start <= (ulong)size - length)
                return size;
            start += (ulong)size;
        }

        return 0;
    }
}
