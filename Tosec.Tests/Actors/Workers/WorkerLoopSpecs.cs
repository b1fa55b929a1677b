using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Tests.Actors.Workers;

public sealed class WorkerLoopSpecs : IDisposable
{
    private readonly WorkerHarness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public void Posted_work_runs_on_the_named_thread()
    {
        var loop = _harness.Loop("guest-7.worker-0");

        var (name, current, on, id) = WorkerHarness.On(loop, () =>
            (Thread.CurrentThread.Name, WorkerLoop.Current, loop.OnThread, ThreadControl.CurrentThreadId));

        Assert.Equal("guest-7.worker-0", name);
        Assert.Same(loop, current);
        Assert.True(on);
        Assert.Equal(id, loop.ThreadId);
        Assert.False(loop.OnThread);
        Assert.Null(WorkerLoop.Current);
    }

    [Fact]
    public void Work_of_one_thread_runs_in_the_order_it_was_posted()
    {
        var loop = _harness.Loop(start: false);
        var ran = new List<int>();
        for (var i = 0; i < 1000; i++)
        {
            var number = i;
            loop.Post(() => ran.Add(number));
        }

        loop.Start();
        WorkerHarness.On(loop, () => loop.Post(() => ran.Add(1000)));

        Assert.Equal(Enumerable.Range(0, 1001), WorkerHarness.On(loop, () => ran.ToArray()));
    }

    [Fact]
    public void A_source_is_told_until_it_is_unregistered()
    {
        var loop = _harness.Loop(start: false);
        using var bell = new Bell(_ => { });
        loop.Register(bell);
        loop.Start();

        for (var i = 1; i <= 100; i++)
        {
            bell.Ring();
            var round = i;
            WorkerHarness.Until(() => bell.Heard == round);
        }

        Assert.True(WorkerHarness.On(loop, () => loop.Unregister(bell)));
        bell.Ring();
        Assert.False(WorkerHarness.On(loop, () => loop.Unregister(bell)));
        Assert.Equal(100, bell.Heard);
    }

    [Fact]
    public void Update_replaces_what_a_source_waits_for()
    {
        var loop = _harness.Loop();
        using var bell = new Bell(b => WorkerLoop.Current!.Unregister(b));
        // A doorbell is always writable, so being told at all shows that the change arrived.
        WorkerHarness.On(loop, () => loop.Register(bell, 0));

        WorkerHarness.On(loop, () => loop.Update(bell, EventMask.Writable));

        WorkerHarness.Until(() => bell.Heard == 1);
    }

    [Fact]
    public void An_event_of_a_source_removed_in_the_same_batch_reaches_nobody_not_even_its_successor()
    {
        var loop = _harness.Loop();
        using var heir = new Bell(_ => { });
        Bell? first = null;
        Bell? second = null;
        // Both ring before either is looked at; whichever is called first removes the other and puts the heir in its place.
        void RemoveOther(Bell called)
        {
            Assert.True(loop.Unregister(called == first ? second! : first!));
            loop.Register(heir);
        }

        first = new Bell(RemoveOther);
        second = new Bell(RemoveOther);
        WorkerHarness.On(loop, () =>
        {
            loop.Register(first);
            loop.Register(second);
            first.Ring();
            second.Ring();
        });

        WorkerHarness.Until(() => loop.Counters.StaleEvents == 1);
        WorkerHarness.On(loop, () => { });

        Assert.Equal(1, first.Heard + second.Heard);
        Assert.Equal(0, heir.Heard);
        Assert.Empty(_harness.Failures);
        heir.Ring();
        WorkerHarness.Until(() => heir.Heard == 1);
        first.Dispose();
        second.Dispose();
    }

    [Fact]
    public void A_source_that_throws_is_reported_and_unregistered_and_the_others_go_on()
    {
        var loop = _harness.Loop();
        using var bad = new Bell(_ => throw new InvalidDataException("bad"));
        using var good = new Bell(_ => { });
        WorkerHarness.On(loop, () =>
        {
            loop.Register(bad);
            loop.Register(good);
        });

        bad.Ring();
        WorkerHarness.Until(() => !_harness.Failures.IsEmpty);
        bad.Ring();
        good.Ring();
        WorkerHarness.Until(() => good.Heard == 1);

        var (culprit, failure) = Assert.Single(_harness.Failures);
        Assert.Same(bad, culprit);
        Assert.Equal("bad", failure.Message);
        Assert.Equal(1, bad.Heard);
        Assert.False(WorkerHarness.On(loop, () => loop.Unregister(bad)));
        Assert.Equal(1, loop.Counters.Failures);
    }

    [Fact]
    public void Posted_work_that_throws_is_reported_and_the_worker_goes_on()
    {
        var loop = _harness.Loop();

        loop.Post(() => throw new InvalidDataException("work"));

        Assert.Equal(3, WorkerHarness.On(loop, () => 3));
        Assert.Equal("work", Assert.Single(_harness.Failures).Failure.Message);
    }

    [Fact]
    public void A_failing_failure_callback_does_not_end_the_worker()
    {
        using var loop = new WorkerLoop("w", WorkerHarness.DefaultSettings, (_, _, _) => throw new InvalidOperationException());
        loop.Start();

        loop.Post(() => throw new InvalidDataException());

        Assert.Equal(2, WorkerHarness.On(loop, () => loop.Counters.Failures));
    }

    [Fact]
    public void Only_the_own_thread_may_register_once_the_worker_runs()
    {
        var loop = _harness.Loop();
        using var bell = new Bell(_ => { });

        Assert.Throws<InvalidOperationException>(() => loop.Register(bell));
        Assert.Throws<InvalidOperationException>(() => loop.Unregister(bell));
        WorkerHarness.On(loop, () => loop.Register(bell));
        Assert.Throws<InvalidOperationException>(() => WorkerHarness.On(loop, () => loop.Register(bell)));
    }

    [Fact]
    public void A_descriptor_that_the_kernel_refuses_leaves_the_source_unregistered()
    {
        var loop = _harness.Loop(start: false);
        var bell = new Bell(_ => { });
        loop.Register(bell);
        Assert.True(loop.Unregister(bell));
        bell.Dispose();

        Assert.Throws<NativeFailure>(() => loop.Register(new Refused()));

        Assert.False(loop.Unregister(bell));
    }

    [Fact]
    public void A_cpu_that_cannot_be_had_is_reported_and_the_worker_runs_unpinned()
    {
        var loop = _harness.Loop(settings: WorkerHarness.DefaultSettings with { Cpu = 1023 });

        Assert.Equal(1, WorkerHarness.On(loop, () => 1));
        Assert.Equal(-1, loop.PinnedCpu);
        Assert.Same(loop, Assert.Single(_harness.Failures).Culprit);
    }

    [Fact]
    public void A_worker_is_pinned_as_its_settings_say()
    {
        var cpu = ThreadControl.AllowedCpus()[0];
        var loop = _harness.Loop(settings: WorkerHarness.DefaultSettings with { Cpu = cpu });

        Assert.Equal([cpu], WorkerHarness.On(loop, ThreadControl.AllowedCpus));
        Assert.Equal(cpu, loop.PinnedCpu);
    }

    private sealed class Refused : IEventSource
    {
        public int Descriptor => int.MaxValue;

        public void OnReady(uint events)
        {
        }
    }
}
