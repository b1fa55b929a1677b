using Akka.Actor;
using Akka.Event;

namespace Tosec.Actors.Streams;

/// <summary>
/// Finds what a worker's streams were sent and never got, because they had failed or stopped: among the dead letters. A run owns
/// payloads, and a request has somebody waiting for its answer. A child of the worker on its thread, so that it ends while the memory is
/// still there; what is lost after it is found by party, in the ownership table.
/// </summary>
/// <param name="take">Called for every lost message of the actor system, others' too.</param>
internal sealed class LostMessages(Action<object> take) : UntypedActor
{
    public const string Name = "lost";

    protected override void PreStart() => Context.System.EventStream.Subscribe(Self, typeof(DeadLetter));

    protected override void PostStop() => Context.System.EventStream.Unsubscribe(Self);

    protected override void OnReceive(object message)
    {
        if (message is DeadLetter lost)
            take(lost.Message);
        else
            Unhandled(message);
    }
}
