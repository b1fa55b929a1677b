using Akka.Actor;

namespace Tosec.Actors.Workers;

/// <summary>How an actor is put on a worker.</summary>
public static class WorkerProps
{
    /// <summary>
    /// The same props on a worker's thread, with the worker mailbox. Not for actors with a stash: the mailbox is no deque.
    /// </summary>
    public static Props OnWorker(this Props props, WorkerDispatcher dispatcher) =>
        props.WithDispatcher(dispatcher.Id).WithMailbox(WorkerMailbox.Id);
}
