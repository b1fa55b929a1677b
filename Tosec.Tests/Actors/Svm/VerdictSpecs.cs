using System.Net.Sockets;
using Tosec.Actors.Chains;
using Tosec.Actors.Inspection;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Svm;

[Collection(SiteCollection.Name)]
public sealed class VerdictSpecs
{
    private const int ECONNRESET = 104;
    private readonly TestEngine _first = new("a");
    private readonly TestEngine _second = new("b");

    [Fact]
    public void Pass_releases_at_once_and_both_ways()
    {
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("out");
        Assert.Equal("out", peer.ReadText(3));
        peer.SendText("in");
        Assert.Equal("in", socket.ReadText(2));
        Assert.Equal(5, _first.Opened.Single().Bytes);
        Assert.Equal(5, _second.Opened.Single().Bytes);
        var facts = _second.Opened.Single().Facts;
        Assert.Equal(("alice", "chain", StreamDirection.Outgoing), (facts.Guest, facts.Chain, facts.Initiator));
        Assert.Equal(peer.RemoteEndPoint, facts.GuestEndPoint);
        Assert.Equal(peer.LocalEndPoint, facts.PeerEndPoint);
        peer.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Pass_after_Hold_releases_everything_in_order(bool outgoing)
    {
        _first.OnInspect = _second.OnInspect = TestEngine.HoldUntil((byte)'.');
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var holding = outgoing ? _first : _second;
        foreach (var part in new[] { "one ", "two ", "three" })
        {
            var before = Bytes(holding);
            if (outgoing)
                socket.Send(part);
            else
                peer.SendText(part);
            WorkerHarness.Until(() => Bytes(holding) == before + part.Length);
        }

        Assert.Equal(13, site.Streams(outgoing ? "svm-0" : "svm-1").Single().HeldBytes);
        Assert.False(socket.HasEntry);
        Assert.Equal(0, peer.Available);
        // The other SVM then gets payload after payload, and holds on its own until the last.
        if (outgoing)
            socket.Send(".");
        else
            peer.SendText(".");
        Assert.Equal("one two three.", outgoing ? peer.ReadText(14) : socket.ReadText(14));
        Assert.Equal(0, site.Streams("svm-0").Single().HeldBytes);
        peer.Dispose();
    }

    [Fact]
    public void At_the_hold_limit_the_engine_decides_and_its_Pass_releases_everything()
    {
        _first.OnInspect = static (_, _, _) => Verdict.Hold;
        _first.OnHoldLimit = static (_, _, _) => Verdict.Pass;
        using var site = Site(limit: 10_000);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var bytes = OutsidePeer.Pattern(10_000, 1);
        socket.Send(bytes, 1000);
        Assert.Equal(bytes, peer.Read(10_000));
        peer.Dispose();
    }

    [Theory]
    [InlineData(FailurePolicy.Block)]
    [InlineData(FailurePolicy.Bypass)]
    public void An_engine_that_cannot_say_at_the_hold_limit_leaves_it_to_the_failure_policy(FailurePolicy policy)
    {
        _first.OnInspect = static (_, _, _) => Verdict.Hold;
        using var site = Site(policy, limit: 10_000);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var bytes = OutsidePeer.Pattern(10_000, 1);
        socket.Send(bytes, 1000);
        if (policy == FailurePolicy.Bypass)
        {
            Assert.Equal(bytes, peer.Read(10_000));
            Assert.False(Assert.Single(site.Threats.Reports).Blocked);
        }
        else
        {
            Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
            Assert.Equal(ECONNRESET, socket.AwaitAbort());
            Assert.True(Assert.Single(site.Threats.Reports).Blocked);
        }

        peer.Dispose();
    }

    [Fact]
    public void What_is_held_too_long_is_decided_on()
    {
        _first.OnInspect = static (_, _, _) => Verdict.Hold;
        _first.OnHoldLimit = static (_, _, _) => Verdict.Pass;
        using var site = Site(deadline: TimeSpan.FromMilliseconds(30));
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("slow");
        Assert.Equal("slow", peer.ReadText(4));
        peer.SendText("too");
        Assert.Equal("too", socket.ReadText(3));
        peer.Dispose();
    }

    [Fact]
    public void What_is_held_at_the_end_of_its_stream_is_blocked()
    {
        _first.OnInspect = _first.OnEnd = static (_, _, _) => Verdict.Hold;
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("half a request");
        socket.Finish();
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        Assert.Equal(ECONNRESET, socket.AwaitAbort());
        peer.Dispose();
    }

    [Fact]
    public void An_end_that_the_engine_passes_releases_what_was_held_before_it()
    {
        _first.OnInspect = static (_, _, _) => Verdict.Hold;
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("all of it");
        socket.Finish();
        Assert.Equal("all of it", peer.ReadText());
        peer.Dispose();
    }

    [Fact]
    public void Everything_that_was_found_in_a_payload_is_reported_with_its_outcome()
    {
        var second = TestEngine.Threat() with { SignatureId = 2 };
        _first.OnInspect = (_, _, _) => Verdict.Block(TestEngine.Threat() with { SignatureId = 1, Others = [second] });
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("found");
        WorkerHarness.Until(() => site.Threats.Reports.Count == 2);
        Assert.Equal([(1L, true), (2L, true)], site.Threats.Reports.Select(report => (report.Threat.SignatureId, report.Blocked)));
        peer.Dispose();
    }

    [Fact]
    public void Alert_passes_and_reports()
    {
        _first.OnInspect = static (_, _, _) => Verdict.Alert(TestEngine.Threat());
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("odd");
        Assert.Equal("odd", peer.ReadText(3));
        var report = Assert.Single(site.Threats.Reports);
        Assert.Equal((socket.ConnectionId, StreamDirection.Outgoing, false, 4711L),
            (report.ConnectionId, report.Direction, report.Blocked, report.Threat.SignatureId));
        Assert.Equal(1, site.Report("svm-0").Alerts);
        peer.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Block_without_an_answer_resets_both(bool outgoing)
    {
        _first.OnInspect = TestEngine.BlockOn("evil");
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        if (outgoing)
            socket.Send("evil");
        else
            peer.SendText("evil");
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        Assert.Equal(ECONNRESET, socket.AwaitAbort());
        Assert.False(socket.HasEntry);
        var report = Assert.Single(site.Threats.Reports);
        Assert.Equal((outgoing ? StreamDirection.Outgoing : StreamDirection.Incoming, true), (report.Direction, report.Blocked));
        peer.Dispose();
    }

    // The SVM next to the guest: its answer passes the other one, while its word to the TOE does not.
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, false)]
    [InlineData(0, true)]
    [InlineData(1, true)]
    public void A_peer_that_is_blocked_reads_the_answer_and_then_the_end(int svm, bool halfClosed)
    {
        var engine = svm == 0 ? _first : _second;
        engine.OnInspect = TestEngine.BlockOn("evil", "forbidden");
        using var site = Site();
        var listener = site.Guest.Socket();
        using var peer = OutsidePeer.Connect(listener.ListenOn(site.AddressOf()));
        var socket = listener.Accept();
        peer.SendText("evil");
        if (halfClosed)
            peer.Shutdown(SocketShutdown.Send);
        Assert.Equal("forbidden", peer.ReadText());
        Assert.Equal(ECONNRESET, socket.AwaitAbort());
        Assert.False(socket.HasEntry);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_guest_that_is_blocked_reads_the_answer_and_then_the_end(int svm)
    {
        var engine = svm == 0 ? _first : _second;
        engine.OnInspect = TestEngine.BlockOn("evil", "forbidden");
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("evil");
        var (bytes, error) = socket.ReadToEnd();
        Assert.Equal(("forbidden", 0), (System.Text.Encoding.ASCII.GetString(bytes), error));
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        peer.Dispose();
    }

    [Fact]
    public void A_guest_that_is_blocked_in_the_middle_of_a_long_request_is_not_left_without_credit()
    {
        _first.OnInspect = TestEngine.BlockOn("evil", "forbidden");
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("evil");
        Assert.True(socket.Send(new byte[4 << 20]));
        Assert.Equal("forbidden", System.Text.Encoding.ASCII.GetString(socket.ReadToEnd().Bytes));
        peer.Dispose();
    }

    [Theory]
    [InlineData(FailurePolicy.Block)]
    [InlineData(FailurePolicy.Bypass)]
    public void An_engine_that_throws_costs_only_its_stream(FailurePolicy policy)
    {
        _first.OnInspect = static (_, _, payload) => payload[0] == '!' ? throw new InvalidOperationException("a test's") : Verdict.Pass;
        using var site = Site(policy);
        var (good, goodPeer) = OutsidePeer.Connect(site.Guest);
        var (bad, badPeer) = OutsidePeer.Connect(site.Guest);
        bad.Send("!");
        if (policy == FailurePolicy.Bypass)
        {
            Assert.Equal("!", badPeer.ReadText(1));
            bad.Send("and on");
            Assert.Equal("and on", badPeer.ReadText(6));
        }
        else
        {
            Assert.Equal(SocketError.ConnectionReset, badPeer.ReadError());
            Assert.Equal(ECONNRESET, bad.AwaitAbort());
        }

        Assert.Equal(1, _first.Opened.Single(i => i.Facts.ConnectionId == bad.ConnectionId).Disposals);
        good.Send("good");
        Assert.Equal("good", goodPeer.ReadText(4));
        goodPeer.Dispose();
        badPeer.Dispose();
    }

    [Fact]
    public void An_engine_that_hangs_stops_its_guest_alone_and_lets_nothing_pass()
    {
        using var hang = new ManualResetEventSlim();
        using var hanging = new ManualResetEventSlim();
        _first.OnInspect = (_, _, payload) =>
        {
            if (payload[0] != '!') return Verdict.Pass;
            hanging.Set();
            hang.Wait(CancellationToken.None);
            return Verdict.Pass;
        };
        using var site = new TestSite(new TestSiteOptions { Engines = [_first, _second], Guests = ["alice", "bob"] });
        try
        {
            var (stuck, stuckPeer) = OutsidePeer.Connect(site.GuestOf("alice"));
            var (free, freePeer) = OutsidePeer.Connect(site.GuestOf("bob"));
            stuck.Send("!");
            Assert.True(hanging.Wait(TimeSpan.FromMinutes(1)));
            stuck.Send("more");
            free.Send("good");
            Assert.Equal("good", freePeer.ReadText(4));
            Assert.Equal(0, stuckPeer.Available);
            hang.Set();
            Assert.Equal("!more", stuckPeer.ReadText(5));
            stuckPeer.Dispose();
            freePeer.Dispose();
        }
        finally
        {
            hang.Set();
        }
    }

    [Fact]
    public void An_engine_that_throws_when_a_stream_opens_blocks_it()
    {
        _first.OnOpen = static _ => throw new InvalidOperationException("a test's");
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("x");
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        Assert.Equal(ECONNRESET, socket.AwaitAbort());
        peer.Dispose();
    }

    [Fact]
    public void Inspectors_are_disposed_once_when_their_connection_is_over()
    {
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        peer.Dispose();
        socket.ReadToEnd();
        socket.Close();
        site.AwaitClean("alice");
        WorkerHarness.Until(() => _first.Opened.Single().Disposals == 1 && _second.Opened.Single().Disposals == 1);
        Assert.Empty(site.Streams("svm-0"));
        Assert.Equal(StreamStatus.Free, socket.Status);
    }

    private static long Bytes(TestEngine engine) => engine.Opened.Sum(i => Volatile.Read(ref i.Bytes));

    private TestSite Site(FailurePolicy policy = default, long limit = 1 << 20, TimeSpan? deadline = null) => new(new TestSiteOptions
    {
        Engines = [_first, _second],
        OnFailure = policy,
        HoldLimitBytes = limit,
        HoldDeadline = deadline ?? TimeSpan.FromMinutes(5),
    });
}
