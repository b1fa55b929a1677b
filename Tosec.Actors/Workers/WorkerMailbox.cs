using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace Tosec.Actors.Workers;

/// <summary>
/// The mailbox of actors on a worker, named by its section in <c>hocon/reference/actors.conf</c>. On another dispatcher it
/// works as an unbounded mailbox.
/// </summary>
public sealed class WorkerMailbox : MailboxType, IProducesMessageQueue<WorkerMessageQueue>
{
    /// <summary>The section that a <c>WithMailbox</c> names.</summary>
    public const string Id = "tosec.worker-mailbox";

    /// <summary>Called by Akka.</summary>
    public WorkerMailbox(Settings settings, Config config) : base(settings, config)
    {
    }

    /// <summary>Called by Akka, on any thread.</summary>
    public override IMessageQueue Create(IActorRef owner, ActorSystem system) => new WorkerMessageQueue();
}
