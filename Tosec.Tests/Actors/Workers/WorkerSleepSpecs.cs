using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Tests.Actors.Workers;

/// <summary>No wake-up is lost between a producer that publishes and a worker that is about to sleep.</summary>
public sealed class WorkerSleepSpecs : IDisposable
{
    private readonly WorkerHarness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public void Work_published_just_before_the_sleep_flag_is_seen_by_the_second_look()
    {
        Assert.True(PublishInTheWindow(looksAgain: true));
    }

    [Fact]
    public void Without_the_second_look_the_same_schedule_loses_it()
    {
        Assert.False(PublishInTheWindow(looksAgain: false));
    }

    [Fact]
    public void Hunt_for_a_lost_wake_up_between_lane_and_worker()
    {
        var loop = _harness.Loop(start: false);
        using var lane = new Lane(looksAgain: true);
        lane.AttachTo(loop);
        loop.Start();

        var random = new Random(7);
        Hunt(rounds: 400_000, loop, _ =>
        {
            for (var burst = random.Next(1, 4); burst > 0; burst--)
            {
                lane.Publish();
                Thread.SpinWait(random.Next(0, 20));
            }

            WaitFor(() => lane.Consumed == lane.Published, loop);
            // Sometimes long enough for the worker to be asleep, sometimes just while it goes there.
            Thread.SpinWait(random.Next(0, 400));
        });
        loop.Dispose();
    }

    [Fact]
    public void Hunt_for_a_lost_wake_up_between_post_and_worker()
    {
        var loop = _harness.Loop();
        var random = new Random(11);
        var ran = 0L;
        var work = new Action(() => Volatile.Write(ref ran, ran + 1));

        Hunt(rounds: 400_000, loop, round =>
        {
            loop.Post(work);
            WaitFor(() => Volatile.Read(ref ran) == round, loop);
            Thread.SpinWait(random.Next(0, 400));
        });
    }

    // As many rounds as asked for, or as the time for hunting allows on a busy machine.
    private static void Hunt(int rounds, WorkerLoop loop, Action<long> round)
    {
        var end = Environment.TickCount64 + 5000;
        for (var i = 1; i <= rounds && Environment.TickCount64 < end; i++)
            round(i);
        // A worker that never slept has proved nothing.
        Assert.True(loop.Counters.Blocks > 100, $"inconclusive: slept only {loop.Counters.Blocks} times");
    }

    private static void WaitFor(Func<bool> arrived, WorkerLoop loop)
    {
        if (arrived())
            return;
        var deadline = Environment.TickCount64 + (long)WorkerHarness.HangGuard.TotalMilliseconds;
        var spin = new SpinWait();
        while (!arrived())
        {
            spin.SpinOnce(sleep1Threshold: -1);
            if (Environment.TickCount64 > deadline)
                throw new TimeoutException($"lost a wake-up: {loop.Counters}");
        }
    }

    /// <summary>Puts a publication between the worker's first look and its flag, on the worker's own thread.</summary>
    /// <returns>Whether it was consumed before the worker blocked for the first time, which it then does for ever.</returns>
    private bool PublishInTheWindow(bool looksAgain)
    {
        var loop = _harness.Loop(start: false);
        using var lane = new Lane(looksAgain) { PublishesInTheWindow = true };
        lane.AttachTo(loop);
        loop.Start();

        WorkerHarness.Until(() => loop.Counters.Blocks == 1);
        var consumed = lane.Consumed == 1;

        loop.Dispose();
        Assert.Equal(1, lane.Published);
        return consumed;
    }

    /// <summary>The least that is a lane: a published position, a sleep flag and a doorbell.</summary>
    private sealed class Lane(bool looksAgain) : IPoller, IDisposable
    {
        private long _published;
        private long _consumed;
        private int _sleeping;
        private readonly EventFd _doorbell = EventFd.Create();

        public bool PublishesInTheWindow { get; set; }

        public long Published => Volatile.Read(ref _published);

        public long Consumed => Volatile.Read(ref _consumed);

        public void AttachTo(WorkerLoop loop)
        {
            loop.AddPoller(this);
            loop.Register(new Doorbell(_doorbell));
        }

        public void Publish()
        {
            Volatile.Write(ref _published, _published + 1);
            Interlocked.MemoryBarrier();
            if (Volatile.Read(ref _sleeping) == 1 && Interlocked.Exchange(ref _sleeping, 0) == 1)
                _doorbell.Ring();
        }

        public bool Poll()
        {
            var published = Published;
            if (published == _consumed)
                return false;
            Volatile.Write(ref _consumed, published);
            return true;
        }

        public void PrepareSleep()
        {
            if (PublishesInTheWindow)
            {
                PublishesInTheWindow = false;
                Publish();
            }

            Volatile.Write(ref _sleeping, 1);
        }

        public bool HasWork() => looksAgain && Published != _consumed;

        public void EndSleep() => Volatile.Write(ref _sleeping, 0);

        public void Dispose() => _doorbell.Dispose();

        private sealed class Doorbell(EventFd doorbell) : IEventSource
        {
            public int Descriptor => doorbell.Descriptor;

            public void OnReady(uint events) => doorbell.Drain();
        }
    }
}
