using Akka.Actor;
using Tosec.Actors.Workers;

namespace Tosec.Actors.Streams;

/// <summary>
/// Makes stream actors from a worker's own code, between two runs of its actors: a stream has its actor before the next descriptor is
/// looked at, however full the supervisor's mailbox is.
/// </summary>
internal sealed class StreamSpawner(ActorCell supervisor, WorkerDispatcher dispatcher)
{
    /// <summary>Makes a stream actor as a watched child of the supervisor, which is told <paramref name="ended"/> when it stops.</summary>
    public ActorCell Spawn(ulong connectionId, Func<ActorBase> make, object ended)
    {
        var actor = supervisor.ActorOf(Props.CreateBy(new Producer(make)).OnWorker(dispatcher), $"s-{connectionId:x}");
        supervisor.WatchWith(actor, ended);
        return WorkerDispatcher.CellOf(actor)!;
    }

    private sealed class Producer(Func<ActorBase> make) : IIndirectActorProducer
    {
        public Type ActorType => typeof(UntypedActor);

        public ActorBase Produce() => make();

        public void Release(ActorBase actor)
        {
            // Stream actors give back what they own in PostStop.
        }
    }
}
