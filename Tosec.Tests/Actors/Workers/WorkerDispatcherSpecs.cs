using Akka.Actor;
using Tosec.Actors.Workers;
using static Tosec.Tests.Actors.Workers.TallyProtocol;

namespace Tosec.Tests.Actors.Workers;

public sealed class WorkerDispatcherSpecs : IDisposable
{
    private readonly WorkerHarness _harness = new();
    private readonly TallyLog _log = new();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public void Messages_of_several_senders_arrive_completely_each_sender_in_order_on_the_workers_thread()
    {
        const int Senders = 4;
        const int PerSender = 50_000;
        var actor = Actor(_harness.Dispatcher());

        WorkerHarness.Wait(Task.WhenAll(Enumerable.Range(0, Senders).Select(lane => Task.Factory.StartNew(
            () =>
            {
                for (var number = 1L; number <= PerSender; number++)
                    actor.Tell(new Numbered(lane, number));
            },
            TaskCreationOptions.LongRunning))));

        var report = WorkerHarness.Ask<Reported>(actor, new Report());
        Assert.Equal(Senders * PerSender, report.Counted);
        Assert.Empty(_log.Faults);
    }

    [Fact]
    public void A_restart_loses_only_the_message_that_failed_and_keeps_the_order_of_the_others()
    {
        var actor = Actor(_harness.Dispatcher());
        for (var restarts = 0; restarts < 50; restarts++)
        {
            for (var number = 1L; number <= 100; number++)
                actor.Tell(new Numbered(0, number));
            actor.Tell(new Fail());
        }

        actor.Tell(new Numbered(0, 1));

        var report = WorkerHarness.Ask<Reported>(actor, new Report());
        Assert.Equal(51, report.Starts);
        Assert.Equal(1, report.Last[0]);
        Assert.Empty(_log.Faults);
    }

    [Fact]
    public async Task Asks_from_other_threads_are_answered()
    {
        var actor = Actor(_harness.Dispatcher());

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            for (var i = 0; i < 500; i++)
                await actor.Ask<Reported>(new Report(), WorkerHarness.HangGuard);
        }))).WaitAsync(WorkerHarness.HangGuard);

        Assert.Empty(_log.Faults);
    }

    [Fact]
    public void What_follows_an_await_runs_on_the_workers_thread_again()
    {
        var actor = Actor(_harness.Dispatcher());

        for (var i = 0; i < 50; i++)
            Assert.True(WorkerHarness.Ask<bool>(actor, new Await()));

        Assert.Empty(_log.Faults);
    }

    [Fact]
    public void Children_run_beside_their_parent_and_end_with_it()
    {
        var dispatcher = _harness.Dispatcher();
        var parent = _harness.System.ActorOf(Props.Create(() => new Parent(dispatcher, _log)).OnWorker(dispatcher));

        var child = WorkerHarness.Ask<IActorRef>(parent, "child");
        Assert.Equal(0, WorkerHarness.Ask<Reported>(child, new Report()).Counted);
        Assert.True(dispatcher.HasActors);

        WorkerHarness.Wait(parent.GracefulStop(WorkerHarness.HangGuard));
        WorkerHarness.Until(() => !dispatcher.HasActors);
        Assert.Empty(_log.Faults);
    }

    [Fact]
    public void The_system_terminates_with_busy_actors_on_several_workers()
    {
        var actors = Enumerable.Range(0, 3).SelectMany(_ =>
        {
            var dispatcher = _harness.Dispatcher();
            return Enumerable.Range(0, 20).Select(_ => Actor(dispatcher)).ToArray();
        }).ToArray();
        foreach (var actor in actors)
            WorkerHarness.Ask<Reported>(actor, new Report());
        foreach (var actor in actors)
        {
            for (var i = 0; i < 200; i++)
                actor.Tell(new Pooled());
        }

        WorkerHarness.Wait(_harness.System.Terminate());

        Assert.Empty(_log.Faults);
        Assert.Empty(_harness.Failures);
    }

    [Fact]
    public void The_id_of_an_ended_worker_serves_the_next_one()
    {
        var dispatchers = WorkerDispatchers.Of(_harness.System);
        var ids = new HashSet<string>();
        for (var round = 0; round < 20; round++)
        {
            var loop = _harness.Loop($"round-{round}");
            var dispatcher = dispatchers.Rent(loop);
            ids.Add(dispatcher.Id);
            var actor = _harness.System.ActorOf(TallyActor.CreateProps(dispatcher, _log));
            WorkerHarness.Ask<Reported>(actor, new Report());
            Assert.Throws<InvalidOperationException>(() => dispatchers.Return(dispatcher));

            WorkerHarness.Wait(actor.GracefulStop(WorkerHarness.HangGuard));
            WorkerHarness.Until(() => !dispatcher.HasActors);
            dispatchers.Return(dispatcher);
            Assert.Throws<InvalidOperationException>(() => dispatchers.Return(dispatcher));
            loop.Dispose();
        }

        Assert.Single(ids);
        Assert.Empty(_log.Faults);
    }

    private IActorRef Actor(WorkerDispatcher dispatcher) => _harness.System.ActorOf(TallyActor.CreateProps(dispatcher, _log));

    private sealed class Parent(WorkerDispatcher dispatcher, TallyLog log) : UntypedActor
    {
        protected override void OnReceive(object message) =>
            Sender.Tell(Context.ActorOf(TallyActor.CreateProps(dispatcher, log)), Self);
    }
}
