using Tosec.Actors.Workers;

namespace Tosec.Tests.Actors.Workers;

public sealed class WorkerPollerSpecs : IDisposable
{
    private readonly WorkerHarness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public void Each_PrepareSleep_is_followed_by_EndSleep_and_Poll_happens_only_awake()
    {
        var loop = _harness.Loop(start: false);
        var poller = new Recorder();
        loop.AddPoller(poller);
        loop.Start();
        for (var i = 0; i < 1000; i++)
            WorkerHarness.On(loop, () => { });

        Assert.True(WorkerHarness.On(loop, () => loop.RemovePoller(poller)));

        Assert.Equal(string.Empty, poller.Misuse);
        Assert.True(poller.Sleeps > 0);
    }

    [Fact]
    public void A_poller_removed_during_a_pass_is_not_called_again()
    {
        var loop = _harness.Loop(start: false);
        var polledAfterRemoval = 0;
        var removed = false;
        var second = new Lambda(() =>
        {
            polledAfterRemoval += removed ? 1 : 0;
            return false;
        });
        var first = new Lambda(() =>
        {
            removed |= loop.RemovePoller(second);
            return false;
        });
        loop.AddPoller(first);
        loop.AddPoller(second);

        loop.Start();
        WorkerHarness.On(loop, () => { });
        WorkerHarness.On(loop, () => { });

        Assert.True(removed);
        Assert.Equal(0, WorkerHarness.On(loop, () => polledAfterRemoval));
    }

    [Theory]
    [InlineData(nameof(IPoller.Poll))]
    [InlineData(nameof(IPoller.PrepareSleep))]
    [InlineData(nameof(IPoller.HasWork))]
    [InlineData(nameof(IPoller.EndSleep))]
    public void A_poller_that_throws_is_reported_and_removed_wherever_it_throws(string where)
    {
        var loop = _harness.Loop(start: false);
        var bad = new Failing(where);
        loop.AddPoller(bad);
        loop.Start();

        // EndSleep needs something that ends a sleep, and one post may come before the first; the others are reached without.
        WorkerHarness.Until(() =>
        {
            WorkerHarness.On(loop, () => { });
            return !_harness.Failures.IsEmpty;
        });

        Assert.Same(bad, Assert.Single(_harness.Failures).Culprit);
        Assert.False(WorkerHarness.On(loop, () => loop.RemovePoller(bad)));
    }

    [Fact]
    public void A_poller_that_always_finds_work_keeps_neither_posts_nor_descriptors_nor_ticks_from_their_turn()
    {
        var loop = _harness.Loop(start: false);
        using var bell = new Bell(_ => { });
        var ticks = new Ticks();
        loop.AddPoller(new Lambda(() => true));
        loop.Register(bell);
        loop.AddTicker(ticks);
        loop.Start();

        bell.Ring();

        WorkerHarness.Until(() => bell.Heard == 1);
        WorkerHarness.Until(() => ticks.Count > 0);
        WorkerHarness.On(loop, () => { });
        Assert.Equal(0, loop.Counters.Blocks);
    }

    [Fact]
    public void A_worker_that_spins_sees_posts_and_descriptors_without_blocking()
    {
        var loop = _harness.Loop(start: false, settings: WorkerHarness.DefaultSettings with { Spins = 1_000_000_000 });
        using var bell = new Bell(_ => { });
        loop.Register(bell);
        loop.Start();

        bell.Ring();

        WorkerHarness.Until(() => bell.Heard == 1);
        WorkerHarness.On(loop, () => { });
        Assert.Equal(0, loop.Counters.Blocks);
        Assert.Equal(0, loop.Counters.Wakes);
    }

    [Fact]
    public void An_idle_worker_blocks_between_ticks_and_ticks_never_go_back()
    {
        var loop = _harness.Loop(start: false, settings: WorkerHarness.DefaultSettings with { TickInterval = TimeSpan.FromMilliseconds(1) });
        var ticks = new Ticks();
        loop.AddTicker(ticks);
        loop.Start();

        WorkerHarness.Until(() => ticks.Count >= 20);

        Assert.True(loop.Counters.Blocks > 0);
        Assert.True(WorkerHarness.On(loop, () => loop.RemoveTicker(ticks)));
        Assert.True(ticks.InOrder);
    }

    [Fact]
    public void A_ticker_that_throws_is_reported_and_removed()
    {
        var loop = _harness.Loop(start: false);
        var bad = new Ticks { Throws = true };
        var good = new Ticks();
        loop.AddTicker(bad);
        loop.AddTicker(good);
        loop.Start();

        WorkerHarness.Until(() => good.Count >= 3);

        Assert.Same(bad, Assert.Single(_harness.Failures).Culprit);
        Assert.Equal(1, bad.Count);
    }

    private sealed class Ticks : ITicker
    {
        private long _count;
        private long _last;

        public long Count => Volatile.Read(ref _count);

        public bool InOrder { get; private set; } = true;

        public bool Throws { get; init; }

        public void OnTick(long nowMilliseconds)
        {
            InOrder &= nowMilliseconds >= _last;
            _last = nowMilliseconds;
            Volatile.Write(ref _count, _count + 1);
            if (Throws)
                throw new InvalidDataException();
        }
    }

    private sealed class Recorder : IPoller
    {
        private bool _asleep;

        public string Misuse { get; private set; } = string.Empty;

        public int Sleeps { get; private set; }

        public bool Poll()
        {
            Misuse += _asleep ? "Poll while asleep;" : string.Empty;
            return false;
        }

        public void PrepareSleep()
        {
            Misuse += _asleep ? "PrepareSleep twice;" : string.Empty;
            _asleep = true;
            Sleeps++;
        }

        public bool HasWork()
        {
            Misuse += _asleep ? string.Empty : "HasWork before PrepareSleep;";
            return false;
        }

        public void EndSleep()
        {
            Misuse += _asleep ? string.Empty : "EndSleep twice;";
            _asleep = false;
        }
    }

    private sealed class Lambda(Func<bool> poll) : IPoller
    {
        public bool Poll() => poll();

        public void PrepareSleep()
        {
        }

        public bool HasWork() => false;

        public void EndSleep()
        {
        }
    }

    private sealed class Failing(string where) : IPoller
    {
        public bool Poll() => FailIf(nameof(Poll));

        public void PrepareSleep() => FailIf(nameof(PrepareSleep));

        public bool HasWork() => FailIf(nameof(HasWork));

        public void EndSleep() => FailIf(nameof(EndSleep));

        private bool FailIf(string here) => here == where ? throw new InvalidDataException(here) : false;
    }
}
