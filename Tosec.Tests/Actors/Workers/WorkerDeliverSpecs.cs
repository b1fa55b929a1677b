using Akka.Actor;
using Akka.Event;
using Tosec.Actors.Workers;
using static Tosec.Tests.Actors.Workers.TallyProtocol;

namespace Tosec.Tests.Actors.Workers;

public sealed class WorkerDeliverSpecs : IDisposable
{
    private readonly WorkerHarness _harness = new();
    private readonly TallyLog _log = new();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public void This_version_of_Akka_has_the_internals_that_direct_delivery_needs()
    {
        Assert.True(MailboxInternals.AreAsExpected);
        Assert.True(WorkerDispatchers.Of(_harness.System).Rent(_harness.Loop()).DeliversDirectly);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void An_idle_actor_has_handled_the_message_on_return_if_delivery_is_direct_and_later_if_not(bool direct)
    {
        var dispatcher = _harness.Dispatcher(direct);
        var probe = new Seen();
        var (actor, cell) = Started(Props.Create(() => new SeeingActor(probe)), dispatcher);

        var handled = WorkerHarness.On(dispatcher.Loop, () =>
        {
            dispatcher.Deliver(cell, "message");
            return probe.Count;
        });

        Assert.Equal(direct, dispatcher.DeliversDirectly);
        Assert.Equal(direct ? 1 : 0, handled);
        Assert.Equal(1, WorkerHarness.Ask<int>(actor, "count"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Local_deliveries_and_remote_tells_together_are_counted_exactly_and_kept_in_order(bool direct)
    {
        const int Rounds = 300;
        const int PerRound = 1000;
        const int Remote = 100_000;
        var dispatcher = _harness.Dispatcher(direct);
        var (actor, cell) = Started(TallyActor.CreateProps(dispatcher, _log), dispatcher);
        var remotes = Enumerable.Range(1, 2).Select(lane => Task.Factory.StartNew(
            () =>
            {
                for (var number = 1L; number <= Remote; number++)
                    actor.Tell(new Numbered(lane, number));
            },
            TaskCreationOptions.LongRunning)).ToArray();

        var local = 0L;
        for (var round = 0; round < Rounds; round++)
        {
            WorkerHarness.On(dispatcher.Loop, () =>
            {
                for (var i = 0; i < PerRound; i++)
                    dispatcher.Deliver(cell, new Numbered(0, ++local));
            });
        }

        WorkerHarness.Wait(Task.WhenAll(remotes));
        var report = WorkerHarness.Ask<Reported>(actor, new Report());
        Assert.Equal((Rounds * PerRound) + (2 * Remote), report.Counted);
        Assert.Equal([(long)Rounds * PerRound, Remote, Remote], report.Last[..3]);
        Assert.Empty(_log.Faults);
    }

    [Fact]
    public void Deliveries_to_an_actor_that_fails_wait_for_its_restart_and_keep_their_order()
    {
        var dispatcher = _harness.Dispatcher();
        var (actor, cell) = Started(TallyActor.CreateProps(dispatcher, _log), dispatcher);

        WorkerHarness.On(dispatcher.Loop, () =>
        {
            for (var failures = 0; failures < 20; failures++)
            {
                for (var number = 1L; number <= 200; number++)
                    dispatcher.Deliver(cell, new Numbered(0, number));
                dispatcher.Deliver(cell, new Fail());
            }

            dispatcher.Deliver(cell, new Numbered(0, 1));
        });

        var report = WorkerHarness.Ask<Reported>(actor, new Report());
        Assert.Equal(21, report.Starts);
        Assert.Equal(1, report.Last[0]);
        Assert.Empty(_log.Faults);
    }

    [Fact]
    public void Deliveries_during_an_await_of_the_actor_wait_for_its_end()
    {
        var dispatcher = _harness.Dispatcher();
        var (actor, cell) = Started(TallyActor.CreateProps(dispatcher, _log), dispatcher);

        WorkerHarness.On(dispatcher.Loop, () =>
        {
            dispatcher.Deliver(cell, new Numbered(0, 1));
            dispatcher.Deliver(cell, new Await());
            dispatcher.Deliver(cell, new Numbered(0, 2));
        });

        Assert.Equal(2, WorkerHarness.Ask<Reported>(actor, new Report()).Last[0]);
        Assert.Empty(_log.Faults);
    }

    [Fact]
    public void An_actor_that_delivers_to_another_or_to_itself_is_not_entered_again_before_it_is_done()
    {
        var dispatcher = _harness.Dispatcher();
        var seen = new Seen();
        var (actor, cell) = Started(Props.Create(() => new EchoingActor(dispatcher, seen)), dispatcher);

        WorkerHarness.On(dispatcher.Loop, () => dispatcher.Deliver(cell, 3));

        Assert.Equal(4, WorkerHarness.Ask<int>(actor, "count"));
        Assert.False(seen.Nested);
    }

    [Fact]
    public void Delivery_to_an_ended_actor_goes_to_the_dead_letters()
    {
        var dispatcher = _harness.Dispatcher();
        var (actor, cell) = Started(TallyActor.CreateProps(dispatcher, _log), dispatcher);
        var listener = new Seen();
        var dead = _harness.System.ActorOf(Props.Create(() => new SeeingActor(listener)));
        _harness.System.EventStream.Subscribe(dead, typeof(DeadLetter));
        WorkerHarness.Wait(actor.GracefulStop(WorkerHarness.HangGuard));
        WorkerHarness.Until(() => !dispatcher.HasActors);

        WorkerHarness.On(dispatcher.Loop, () =>
        {
            dispatcher.Deliver(cell, new Pooled());
            dispatcher.Deliver(actor, new Pooled());
        });

        WorkerHarness.Until(() => Volatile.Read(ref listener.Count) == 2);
    }

    [Fact]
    public void Delivery_from_another_thread_or_to_another_workers_actor_is_a_tell()
    {
        var mine = _harness.Dispatcher();
        var other = _harness.Dispatcher();
        var (actor, cell) = Started(TallyActor.CreateProps(mine, _log), mine);

        mine.Deliver(cell, new Numbered(0, 1));
        mine.Deliver(actor, new Numbered(0, 2));
        WorkerHarness.On(other.Loop, () => other.Deliver(cell, new Numbered(1, 1)));

        Assert.Equal([2, 1], WorkerHarness.Ask<Reported>(actor, new Report()).Last[..2]);
        Assert.Empty(_log.Faults);
    }

    [Fact]
    public void A_delivered_pooled_message_allocates_nothing()
    {
        var dispatcher = _harness.Dispatcher();
        var seen = new Seen();
        var (_, cell) = Started(Props.Create(() => new SeeingActor(seen)), dispatcher);
        var pooled = new Pooled();
        long Deliver(int times)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < times; i++)
                dispatcher.Deliver(cell, pooled);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }

        WorkerHarness.On(dispatcher.Loop, () => Deliver(20_000));

        Assert.Equal(0, WorkerHarness.On(dispatcher.Loop, () => Deliver(100_000)));
        Assert.Equal(120_000, seen.Count);
    }

    private (IActorRef Actor, ActorCell Cell) Started(Props props, WorkerDispatcher dispatcher)
    {
        var actor = _harness.System.ActorOf(props.OnWorker(dispatcher));
        WorkerHarness.Wait(actor.Ask<ActorIdentity>(new Identify(null), WorkerHarness.HangGuard));
        // Its guardian hands it what came early before it puts the cell in its place.
        WorkerHarness.Until(() => WorkerDispatcher.CellOf(actor) is not null);
        return (actor, WorkerDispatcher.CellOf(actor)!);
    }

    private sealed class Seen
    {
        public int Count;

        public bool Nested { get; set; }
    }

    private sealed class SeeingActor(Seen seen) : UntypedActor
    {
        protected override void OnReceive(object message)
        {
            if (message is "count")
                Sender.Tell(seen.Count, Self);
            else
                Volatile.Write(ref seen.Count, seen.Count + 1);
        }
    }

    private sealed class EchoingActor(WorkerDispatcher dispatcher, Seen seen) : UntypedActor
    {
        private bool _inside;

        protected override void OnReceive(object message)
        {
            if (message is not int left)
            {
                Sender.Tell(seen.Count, Self);
                return;
            }

            seen.Nested |= _inside;
            _inside = true;
            seen.Count++;
            if (left > 0)
                dispatcher.Deliver(Self, left - 1);
            _inside = false;
        }
    }
}
