using System.Net.Sockets;
using Tosec.Actors.Inspection;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Lanes;

/// <summary>One lie each. The liar's stream ends, its bytes come back, and nobody else notices.</summary>
[Collection(SiteCollection.Name)]
public sealed unsafe class HostileGuestSpecs : IDisposable
{
    private const int EBADF = 9;
    private readonly TestEngine _engine = new("a");
    private readonly TestSite _site;
    private readonly GuestSocket _socket;
    private readonly Socket _peer;
    private readonly GuestSocket _honest;
    private readonly Socket _honestPeer;

    public HostileGuestSpecs()
    {
        _site = new TestSite(new TestSiteOptions { Engines = [_engine, new TestEngine("b")], Guests = ["mallory", "alice"] });
        (_socket, _peer) = OutsidePeer.Connect(Mallory);
        (_honest, _honestPeer) = OutsidePeer.Connect(_site.GuestOf("alice"));
    }

    private TestGuest Mallory => _site.GuestOf("mallory");

    private TestChannel Channel => _socket.Channel;

    public void Dispose()
    {
        // Whatever was tried, the other guest is served as before.
        _honest.Send("honest");
        Assert.Equal("honest", _honestPeer.ReadText(6));
        _honestPeer.SendText("answer");
        Assert.Equal("answer", _honest.ReadText(6));
        var (again, peer) = OutsidePeer.Connect(_site.GuestOf("alice"));
        again.Send("again");
        Assert.Equal("again", peer.ReadText(5));
        peer.Dispose();
        _peer.Dispose();
        _honestPeer.Dispose();
        _site.Dispose();
    }

    [Fact]
    public void A_payload_for_another_guests_connection_reaches_nobody()
    {
        var forged = Payload("forged");
        forged.StreamId = _honest.ConnectionId;
        forged.Slot = (uint)_honest.Slot;
        Refused(forged);
        Goes_on();
        Assert.Equal(0, _honestPeer.Available);
    }

    [Fact]
    public void A_payload_for_an_incoming_stream_reaches_nobody()
    {
        var forged = Payload("forged");
        forged.StreamId |= 1;
        Refused(forged);
        Goes_on();
    }

    [Theory]
    [InlineData(63u)]
    [InlineData(64u)]
    [InlineData(0x80000000u)]
    [InlineData(uint.MaxValue)]
    public void A_slot_that_is_not_the_streams_reaches_nobody(uint slot)
    {
        Refused(Payload("forged") with { Slot = slot });
        Goes_on();
    }

    [Theory]
    [InlineData(Party.Tovm)]
    [InlineData(Party.FirstSvm + 1)]
    public void A_payload_past_the_first_hop_ends_the_stream(int party)
    {
        Channel.Send(party, Payload("smuggled"));
        Ended();
        Assert.Equal(0, _engine.Opened.Single(i => i.Facts.Guest == "mallory").Bytes);
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(500ul)]
    [InlineData(1ul << 63)]
    public void A_sequence_far_ahead_ends_the_stream(ulong sequence)
    {
        Channel.Send(Party.FirstSvm, Payload("x") with { Sequence = sequence });
        Ended();
    }

    [Fact]
    public void A_repeated_sequence_ends_the_stream()
    {
        Assert.True(_socket.TrySend("first"u8));
        Channel.Send(Party.FirstSvm, Payload("again") with { Sequence = 0 });
        Ended();
    }

    [Fact]
    public void A_gap_waits_and_gives_its_buffers_back()
    {
        for (ulong n = 1; n < 10; n++)
            Channel.Send(Party.FirstSvm, Payload("early") with { Sequence = n });
        WorkerHarness.Until(() => TestSite.InUse(_site.Memory("mallory").SealedPool).GetValueOrDefault(Party.FirstSvm) == 9);
        Assert.Equal(0, _peer.Available);
        _socket.Close();
        _peer.Dispose();
        // The end of the stream comes before its gap is filled: the guest is cut off.
        Mallory.Channel(0).Send(Party.FirstSvm, Payload("early") with { Sequence = 1 });
        _site.AwaitClean("mallory");
    }

    [Fact]
    public void An_early_repetition_ends_the_stream()
    {
        Channel.Send(Party.FirstSvm, Payload("early") with { Sequence = 2 });
        Channel.Send(Party.FirstSvm, Payload("twice") with { Sequence = 2 });
        Ended();
    }

    public static TheoryData<string> Outside => new("header", "before", "other-channel", "end", "across", "empty", "long", "wrap", "pool");

    [Theory]
    [MemberData(nameof(Outside))]
    public void A_range_outside_its_own_send_buffers_ends_the_stream(string where)
    {
        var payload = Payload("x");
        var geometry = Mallory.Memory.Geometry;
        var first = Channel.BufferOffset(0);
        (payload.Offset, payload.Length) = where switch
        {
            "header" => (0ul, 64u),
            "before" => (first - 1, 8u),
            "other-channel" => (Mallory.Channel(2).BufferOffset(0), 8u),
            "end" => (first + (ulong)geometry.SendBytesPerChannel - 4, 8u),
            "across" => (first - 4, 8u),
            "empty" => (first, 0u),
            "long" => (first, (uint)GuestGeometry.LargeBuffer + 1),
            "wrap" => (ulong.MaxValue - 3, 8u),
            _ => ((ulong)geometry.SegmentBytes(SegmentKind.Edge), 8u),
        };
        Channel.Send(Party.FirstSvm, payload);
        Ended();
    }

    [Fact]
    public void More_than_its_credit_ends_the_stream()
    {
        _engine.OnInspect = static (inspector, _, _) => inspector.Facts.Guest == "mallory" ? Verdict.Hold : Verdict.Pass;
        var payload = Payload("x") with { Offset = Channel.BufferOffset(Mallory.Memory.Geometry.SendSmall), Length = GuestGeometry.LargeBuffer };
        var limit = _socket.State.SendLimit;
        var most = limit / GuestGeometry.LargeBuffer;
        for (ulong n = 0; n <= most; n++)
            Channel.Send(Party.FirstSvm, payload with { Sequence = n });
        Ended();
        Assert.True(_engine.Opened.Single(i => i.Facts.Guest == "mallory").Bytes <= (long)limit);
    }

    [Fact]
    public void A_payload_after_FIN_ends_the_stream()
    {
        _socket.Finish();
        Channel.Send(Party.FirstSvm, Payload("late"));
        Ended();
    }

    [Fact]
    public void A_second_FIN_ends_the_stream()
    {
        _socket.Finish();
        var fin = _socket.Next();
        fin.Opcode = Opcode.Fin;
        Channel.Send(Party.FirstSvm, fin);
        Ended();
    }

    [Theory]
    [InlineData(0)]
    [InlineData((int)Opcode.Reset)]
    [InlineData((int)Opcode.StreamOpen)]
    [InlineData((int)Opcode.StreamClose)]
    [InlineData((int)Opcode.StreamClosed)]
    [InlineData((int)Opcode.Block)]
    [InlineData((int)Opcode.RpcReply)]
    [InlineData(12)]
    [InlineData(255)]
    public void What_only_trusted_parties_may_say_is_not_heard_from_a_guest(int opcode)
    {
        Refused(_socket.Next() with { Opcode = (Opcode)opcode });
        Refused(_socket.Next() with { Opcode = (Opcode)opcode }, Party.Tovm);
        Goes_on();
    }

    [Fact]
    public void CLOSE_is_heard_from_channel_0_only()
    {
        Refused(_socket.Next() with { Opcode = Opcode.Close }, Party.Tovm);
        Goes_on();
    }

    [Theory]
    [InlineData(uint.MaxValue)]
    [InlineData(64u)]
    [InlineData(63u)]
    public void A_request_for_a_slot_that_is_not_open_is_EBADF(uint slot) =>
        Assert.Equal(-EBADF, Channel.Call(RpcMethod.Listen, (int)slot, [0, 0, 0, 0]).Result);

    [Theory]
    [InlineData(1, 8)]
    [InlineData(-512, 8)]
    [InlineData(16 * 512, 8)]
    [InlineData(0, 257)]
    [InlineData(0, -1)]
    public void A_request_outside_its_RPC_slots_is_not_answered(long offset, int length)
    {
        Refused(new Descriptor
        {
            Opcode = Opcode.Rpc,
            Code = (ushort)RpcMethod.Socket,
            Offset = (ulong)(GuestGeometry.EdgeRpc(1, 0) + offset),
            Length = (uint)length,
        }, Party.Tovm);
        Assert.False(Channel.TryTakeReply(out _));
        Goes_on();
    }

    [Theory]
    [InlineData(RpcMethod.Socket)]
    [InlineData(RpcMethod.Bind)]
    [InlineData(RpcMethod.Listen)]
    [InlineData(RpcMethod.Connect)]
    [InlineData(RpcMethod.SetOption)]
    [InlineData(RpcMethod.GetOption)]
    [InlineData((RpcMethod)0)]
    [InlineData((RpcMethod)999)]
    public void A_request_that_is_too_short_is_refused(RpcMethod method)
    {
        Assert.True(Channel.Call(method, _socket.Slot, [1, 2, 3]).Result < 0);
        Goes_on();
    }

    [Theory]
    [InlineData(ulong.MaxValue)]
    [InlineData(1000ul)]
    [InlineData(1ul << 63)]
    public void A_receive_position_that_cannot_be_takes_nothing_back_and_starves_only_itself(ulong head)
    {
        _peer.Send(new byte[100]);
        WorkerHarness.Until(() => _socket.HasEntry);
        Volatile.Write(ref _socket.Cursor.ReceiveHead, head);
        Channel.Send(Party.Tovm, _socket.Next() with { Opcode = Opcode.Credit });
        _peer.Send(new byte[100_000]);
        var pool = _site.Memory("mallory").ReceivePool;
        WorkerHarness.Until(() => TestSite.InUse(pool).GetValueOrDefault(Party.Guest) > 1);
        _socket.Close();
        _peer.Dispose();
        _site.AwaitClean("mallory");
    }

    [Theory]
    [InlineData(129ul)]
    [InlineData(ulong.MaxValue)]
    [InlineData(1ul << 40)]
    public void A_lane_position_that_cannot_be_is_skipped_and_the_lane_goes_on(ulong ahead)
    {
        var lane = (LaneHeader*)(Mallory.Edge + GuestGeometry.EdgeLane(2, Party.FirstSvm));
        lane->Tail += ahead;
        Mallory.Channel(2).Wake(Party.FirstSvm);
        WorkerHarness.Until(() => Volatile.Read(ref lane->Head) == lane->Tail);
        Assert.NotEqual(0, _site.Report("svm-0", "mallory").Violations);
        Goes_on();
    }

    [Fact]
    public void A_reply_lane_that_is_never_read_or_lies_costs_the_guest_its_replies_only()
    {
        var lane = (LaneHeader*)(Mallory.Edge + GuestGeometry.EdgeReplyLane(2));
        for (var n = 0; n < 200; n++)
        {
            lane->Head = n % 3 == 0 ? ulong.MaxValue : 0;
            Mallory.Channel(2).Send(Party.Tovm, new Descriptor { Opcode = Opcode.Rpc, Code = (ushort)RpcMethod.Listen, Offset = (ulong)GuestGeometry.EdgeRpc(2, 0), Length = 4, Slot = 63 });
        }

        Goes_on();
        Assert.NotEqual(0, _socket.Guest.Site.Report("tovm", "mallory").Violations);
    }

    [Fact]
    public void Sleep_flags_and_pending_bits_wildly_set_lose_nothing_of_anyone_else()
    {
        var random = new Random(12);
        using var stop = new CancellationTokenSource();
        var wild = Task.Run(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                for (var p = 0; p < Party.Count; p++)
                {
                    ref var party = ref Mallory.Memory.EdgeParty(p);
                    Volatile.Write(ref party.Sleeping, (uint)random.Next(3));
                    Volatile.Write(ref party.Incarnation, (ulong)random.NextInt64());
                    Volatile.Write(ref party.Heartbeat, (ulong)random.NextInt64());
                    for (var w = 0; w < EdgePartyState.PendingWords; w++)
                        Interlocked.Or(ref party.Pending[w], (ulong)random.NextInt64() << 1);
                }

                for (var c = 0; c < 3; c++)
                    Volatile.Write(ref Mallory.Memory.Channel(c).Sleeping, 1);
            }
        });
        for (var n = 0; n < 300; n++)
        {
            _honest.Send("ping");
            Assert.Equal("ping", _honestPeer.ReadText(4));
            _honestPeer.SendText("pong");
            Assert.Equal("pong", _honest.ReadText(4));
        }

        stop.Cancel();
        WorkerHarness.Until(() => wild.IsCompleted);
        Assert.True(wild.IsCompletedSuccessfully);
        Goes_on();
    }

    private Descriptor Payload(string text)
    {
        System.Text.Encoding.ASCII.GetBytes(text, Channel.Buffer(40));
        return _socket.Next() with { Opcode = Opcode.Payload, Offset = Channel.BufferOffset(40), Length = (uint)text.Length };
    }

    // Counted as a violation, and otherwise as if it had not been.
    private void Refused(Descriptor descriptor, int party = Party.FirstSvm)
    {
        var vm = party == Party.Tovm ? "tovm" : "svm-0";
        var before = _site.Report(vm, "mallory").Violations;
        Channel.Send(party, descriptor);
        WorkerHarness.Until(() => _site.Report(vm, "mallory").Violations > before);
    }

    private void Goes_on()
    {
        Assert.True(_socket.Send("fine"));
        Assert.Equal("fine", _peer.ReadText(4));
    }

    private void Ended()
    {
        Assert.InRange(_socket.AwaitAbort(), 1, 200);
        Assert.Equal(SocketError.ConnectionReset, _peer.ReadError());
        _socket.Close();
        _site.AwaitClean("mallory");
    }
}
