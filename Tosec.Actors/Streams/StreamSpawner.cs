using Akka.Actor;
using Tosec.Actors.Workers;

namespace Tosec.Actors.Streams;

/// <summary>
/// Makes stream actors from a worker's own code, between two runs of its actors: a stream has its actor before the next descriptor is
/// looked at, however full the supervisor's mailbox is.
/// </summary>
internal sealed class StreamSpawner(ActorCell supervisor, WorkerDispatcher dispatcher)
{
    /// <summary>Makes the actor of an entry as a watched child of the supervisor.</summary>
    public void Spawn(StreamEntry entry, Func<ActorBase> make)
    {
        var actor = supervisor.ActorOf(Props.CreateBy(new Producer(make)).OnWorker(dispatcher), $"s-{entry.ConnectionId:x}");
        supervisor.WatchWith(actor, new StreamProtocol.Ended(entry));
        entry.Actor = WorkerDispatcher.CellOf(actor);
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
