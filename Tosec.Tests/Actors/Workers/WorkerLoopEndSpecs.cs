using Tosec.Actors.Workers;

namespace Tosec.Tests.Actors.Workers;

public sealed class WorkerLoopEndSpecs : IDisposable
{
    private readonly WorkerHarness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public void Dispose_returns_when_the_thread_has_ended_and_may_be_repeated()
    {
        var loop = _harness.Loop();
        WorkerHarness.On(loop, () => { });

        loop.Dispose();
        loop.Dispose();

        Assert.True(loop.HasEnded);
        Assert.Empty(_harness.Failures);
    }

    [Fact]
    public void Dispose_on_its_own_thread_returns_and_ends_it_afterwards()
    {
        var loop = _harness.Loop();

        Assert.False(WorkerHarness.On(loop, () =>
        {
            loop.Dispose();
            return loop.HasEnded;
        }));

        WorkerHarness.Until(() => loop.HasEnded);
    }

    [Fact]
    public void A_worker_that_never_started_is_disposed_and_cannot_start()
    {
        var loop = _harness.Loop(start: false);

        loop.Dispose();

        Assert.True(loop.HasEnded);
        Assert.Throws<ObjectDisposedException>(loop.Start);
    }

    [Fact]
    public void A_worker_starts_once()
    {
        Assert.Throws<InvalidOperationException>(_harness.Loop().Start);
    }

    [Fact]
    public void Work_posted_after_the_end_is_dropped_and_counted()
    {
        var loop = _harness.Loop();
        loop.Dispose();
        var dropped = loop.Counters.Dropped;

        loop.Post(() => Assert.Fail("ran"));

        Assert.Equal(dropped + 1, loop.Counters.Dropped);
    }

    [Fact]
    public void Posting_from_other_threads_while_the_worker_ends_does_not_throw()
    {
        for (var round = 0; round < 50; round++)
        {
            var loop = _harness.Loop();
            using var go = new Barrier(3);
            var posters = Enumerable.Range(0, 2).Select(_ => Task.Factory.StartNew(
                () =>
                {
                    go.SignalAndWait();
                    for (var i = 0; i < 2000; i++)
                        loop.Post(() => { });
                },
                TaskCreationOptions.LongRunning)).ToArray();
            go.SignalAndWait();
            loop.Dispose();
            WorkerHarness.Wait(Task.WhenAll(posters));
        }
    }
}
