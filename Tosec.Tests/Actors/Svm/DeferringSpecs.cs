using System.Net.Sockets;
using Tosec.Actors.Chains;
using Tosec.Actors.Inspection;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Actors.Svm;

/// <summary>Inspectors whose verdict comes later, from another thread.</summary>
[Collection(SiteCollection.Name)]
public sealed class DeferringSpecs
{
    private readonly DeferringEngine _engine = new();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_verdict_that_comes_later_releases_what_was_held_and_its_end(bool outgoing)
    {
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        if (outgoing)
        {
            socket.Send("an object");
            socket.Finish();
        }
        else
        {
            peer.SendText("an object");
            peer.Shutdown(SocketShutdown.Send);
        }

        WorkerHarness.Until(() => _engine.Ends == 1);
        Assert.Equal(9, site.Streams("svm-0").Single().HeldBytes);
        Assert.Equal(0, peer.Available);
        Assert.False(socket.HasEntry);
        _engine.Say(Verdict.Pass);
        Assert.Equal("an object", outgoing ? peer.ReadText() : System.Text.Encoding.ASCII.GetString(socket.ReadToEnd().Bytes));
        peer.Dispose();
        socket.Close();
    }

    [Fact]
    public void A_verdict_that_comes_later_blocks_with_an_answer()
    {
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("an object");
        WorkerHarness.Until(() => _engine.Payloads == 1);
        _engine.Say(Verdict.Block(TestEngine.Threat("forbidden")));
        Assert.Equal("forbidden", System.Text.Encoding.ASCII.GetString(socket.ReadToEnd().Bytes));
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        peer.Dispose();
    }

    [Theory]
    [InlineData(FailurePolicy.Block, true)]
    [InlineData(FailurePolicy.Block, false)]
    [InlineData(FailurePolicy.Bypass, true)]
    [InlineData(FailurePolicy.Bypass, false)]
    public void No_verdict_at_all_is_left_to_the_failure_policy_with_its_reason(FailurePolicy policy, bool said)
    {
        using var site = Site(policy, said ? null : TimeSpan.FromMilliseconds(50));
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("an object");
        socket.Finish();
        WorkerHarness.Until(() => _engine.Ends == 1);
        if (said) _engine.Say(Verdict.Undecided("the scanner is gone"));
        if (policy == FailurePolicy.Bypass)
            Assert.Equal("an object", peer.ReadText());
        else
            Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        var report = Assert.Single(site.Threats.Reports);
        Assert.Equal(policy == FailurePolicy.Block, report.Blocked);
        Assert.Contains(said ? "the scanner is gone" : "held for more than", report.Threat.Signature, StringComparison.Ordinal);
        peer.Dispose();
    }

    [Fact]
    public void A_wake_after_the_connection_is_over_does_nothing()
    {
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("an object");
        WorkerHarness.Until(() => _engine.Payloads == 1);
        peer.Dispose();
        socket.Finish();
        socket.Close();
        WorkerHarness.Until(() => _engine.Ends == 1);
        _engine.Say(Verdict.Pass);
        site.AwaitClean("alice");
        _engine.Say(Verdict.Pass);
    }

    private TestSite Site(FailurePolicy policy = default, TimeSpan? deadline = null) => new(new TestSiteOptions
    {
        Engines = [_engine],
        OnFailure = policy,
        HoldLimitBytes = 1 << 20,
        HoldDeadline = deadline ?? TimeSpan.FromMinutes(5),
    });

    /// <summary>Holds everything until the test says a verdict.</summary>
    private sealed class DeferringEngine : INetworkSecuritySystem
    {
        private volatile IInspectionWaker? _waker;
        private volatile object _verdict = Verdict.Hold;
        private int _payloads;
        private int _ends;

        public string Type => "a";

        public string Description => "a test's";

        public int Payloads => Volatile.Read(ref _payloads);

        public int Ends => Volatile.Read(ref _ends);

        public void Say(Verdict verdict)
        {
            _verdict = verdict;
            _waker!.Wake();
        }

        public IStreamInspector Open(in StreamFacts facts) => new Inspector(this);

        public void Dispose()
        {
        }

        private sealed class Inspector(DeferringEngine engine) : IDeferringInspector
        {
            private readonly bool[] _seen = new bool[2];

            public void Attach(IInspectionWaker waker) => engine._waker = waker;

            public Verdict Inspect(StreamDirection direction, ReadOnlySpan<byte> payload)
            {
                _seen[(int)direction] = true;
                Interlocked.Increment(ref engine._payloads);
                return Verdict.Hold;
            }

            public Verdict End(StreamDirection direction)
            {
                if (!_seen[(int)direction]) return Verdict.Pass;
                Interlocked.Increment(ref engine._ends);
                return Verdict.Hold;
            }

            public Verdict HoldLimit(StreamDirection direction) => Verdict.Hold;

            public Verdict Resume(StreamDirection direction)
            {
                // One stream is what the test is about; the other one has nothing to wait for.
                var verdict = (Verdict)engine._verdict;
                if (verdict.Kind == VerdictKind.Undecided) engine._verdict = Verdict.Hold;
                return verdict;
            }

            public void Dispose()
            {
            }
        }
    }
}
