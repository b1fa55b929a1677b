using System.Runtime.InteropServices;
using System.Text;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Rings;

namespace Tosec.Tests.Actors.Agent;

/// <summary>A process may be killed anywhere; what the agent does then for those who hold the same sockets.</summary>
[Collection(SiteCollection.Name)]
public sealed class AgentRepairSpecs
{
    private const uint SomeThread = 77;
    private const int RpcSocketBytes = 8;

    [Fact]
    public void A_reader_killed_with_the_readiness_byte_in_its_hand_leaves_the_others_to_be_told()
    {
        using var site = Site();
        using var other = new TestProcess(site, "alice");
        var killed = new TestProcess(site, "alice");
        var (socket, peer) = OutsidePeer.Connect(site.Guest, other.Channel);
        using var end = other.Register(socket);
        peer.SendText("x");
        Assert.Equal(1, TestProcess.AwaitReadable(end));
        // The byte is taken, the token not cleared, and the lock held: so nobody else would ever be told.
        Volatile.Write(ref socket.Cursor.ReceiveLock, Holder(killed.Channel));
        killed.Dispose();
        Assert.Equal(1, TestProcess.AwaitReadable(end));
        Assert.Equal(0u, Volatile.Read(ref socket.Cursor.ReceiveLock));
        Assert.True(socket.HasEntry);
        peer.Dispose();
    }

    [Fact]
    public void A_lock_of_a_process_that_lives_is_left_alone()
    {
        using var site = Site();
        using var other = new TestProcess(site, "alice");
        var killed = new TestProcess(site, "alice");
        var (socket, peer) = OutsidePeer.Connect(site.Guest, other.Channel);
        var (second, secondPeer) = OutsidePeer.Connect(site.Guest, other.Channel);
        using var end = other.Register(socket);
        using var secondEnd = other.Register(second);
        Volatile.Write(ref socket.Cursor.ReceiveLock, Holder(other.Channel));
        Volatile.Write(ref socket.Cursor.SendLock, Holder(other.Channel));
        Volatile.Write(ref second.Cursor.SendLock, Holder(killed.Channel));
        killed.Dispose();
        WorkerHarness.Until(() => Volatile.Read(ref second.Cursor.SendLock) == 0);
        Assert.Equal((Holder(other.Channel), Holder(other.Channel)), (socket.Cursor.ReceiveLock, socket.Cursor.SendLock));
        peer.Dispose();
        secondPeer.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_payload_that_a_killed_writer_was_publishing_is_counted_if_it_was_published(bool published)
    {
        using var site = Site();
        using var other = new TestProcess(site, "alice");
        var killed = new TestProcess(site, "alice");
        var (socket, peer) = OutsidePeer.Connect(site.Guest, other.Channel);
        using var end = other.Register(socket);
        socket.Send("before ");
        ref var cursor = ref socket.Cursor;
        Volatile.Write(ref cursor.SendLock, Holder(killed.Channel));
        cursor.PuttingPosition = cursor.SendPosition + GuestGeometry.SmallBuffer;
        cursor.PuttingSequence = cursor.SendSequence + 1;
        var payload = new Descriptor { Slot = (uint)socket.Slot, StreamId = socket.ConnectionId, Sequence = cursor.SendSequence };
        if (published)
        {
            Assert.True(site.Guest.Channel(killed.Channel).TrySendPayload(
                (int)socket.State.FirstHop, payload, Encoding.ASCII.GetBytes("its own "), large: false));
        }

        killed.Dispose();
        WorkerHarness.Until(() => Volatile.Read(ref socket.Cursor.SendLock) == 0);
        socket.Send("after");
        var expected = published ? "before its own after" : "before after";
        Assert.Equal(expected, peer.ReadText(expected.Length));
        peer.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_end_that_a_killed_process_was_publishing_is_sent_once(bool published)
    {
        using var site = Site();
        using var other = new TestProcess(site, "alice");
        var killed = new TestProcess(site, "alice");
        var (socket, peer) = OutsidePeer.Connect(site.Guest, other.Channel);
        var end = other.Register(socket);
        socket.Send("all");
        Volatile.Write(ref socket.Cursor.SendLock, Holder(killed.Channel));
        socket.Cursor.FinSent = StreamCursor.FinPutting;
        if (published)
        {
            site.Guest.Channel(killed.Channel).Send((int)socket.State.FirstHop, new Descriptor
            {
                Opcode = Opcode.Fin,
                Slot = (uint)socket.Slot,
                StreamId = socket.ConnectionId,
                Sequence = socket.Cursor.SendSequence,
            });
        }

        killed.Dispose();
        WorkerHarness.Until(() => Volatile.Read(ref socket.Cursor.SendLock) == 0);
        Assert.Equal(published ? StreamCursor.FinPut : 0, socket.Cursor.FinSent);
        end.Dispose();
        Assert.Equal("all"u8.ToArray(), peer.Read());
        peer.Dispose();
        site.AwaitClean("alice");
    }

    [Fact]
    public void What_a_process_put_into_its_lane_and_could_not_announce_is_taken_and_cleaned_up()
    {
        using var site = Site();
        using var other = new TestProcess(site, "alice");
        var killed = new TestProcess(site, "alice");
        var offset = (ulong)GuestGeometry.EdgeRpc(killed.Channel, 0);
        Ask(site, offset);
        var lane = site.Guest.Memory.EdgeProducer(killed.Channel, Party.Tovm);
        Assert.Equal(LaneStatus.Done, Publish(lane, offset));
        var channel = killed.Channel;
        killed.Dispose();
        // The channel is given on when its lanes are empty, and the socket that nobody heard of is closed.
        WorkerHarness.Until(() =>
        {
            using var again = new TestProcess(site, "alice");
            return again.Answer.Type == AgentMessage.Attached && again.Channel == channel;
        });
        site.AwaitClean("alice");
    }

    private static uint Holder(int channel) => (uint)channel << 22 | SomeThread;

    private static unsafe void Ask(TestSite site, ulong offset) =>
        MemoryMarshal.Write(new Span<byte>(site.Guest.Edge + offset, RpcSocketBytes), new RpcSocket { Family = 4, Type = 1 });

    private static LaneStatus Publish(LaneProducer lane, ulong offset) =>
        lane.TryPublish(new Descriptor
        {
            Opcode = Opcode.Rpc,
            Code = (ushort)RpcMethod.Socket,
            Offset = offset,
            Length = RpcSocketBytes,
            Correlation = 1,
        });

    private static TestSite Site() => new(new TestSiteOptions { Engines = [new TestEngine("a"), new TestEngine("b")], Agents = true });
}
