using System.Runtime.CompilerServices;
using Akka.Actor;
using Akka.Actor.Internal;
using Akka.Dispatch;

namespace Tosec.Actors.Workers;

/// <summary>
/// An Akka dispatcher that runs its actors' mailboxes on the thread of one worker. Made by <see cref="WorkerDispatchers"/>.
/// It does not own the worker.
/// </summary>
public sealed class WorkerDispatcher : MessageDispatcher
{
    private readonly bool _direct;

    internal WorkerDispatcher(MessageDispatcherConfigurator configurator, string id, WorkerLoop loop, bool direct) : base(configurator)
    {
        Id = id;
        Loop = loop;
        Throughput = loop.Settings.Throughput;
        ThroughputDeadlineTime = null;
        // Only says how long after its last actor's end Akka calls Shutdown, which has nothing to do here.
        ShutdownTimeout = TimeSpan.FromSeconds(1);
        _direct = direct;
    }

    public WorkerLoop Loop { get; }

    /// <summary>
    /// Whether <see cref="Deliver(ActorCell, object, IActorRef?)"/> can call actors directly. False if this version of Akka
    /// is not the one that was tried: then everything goes through the mailbox, correct but slower.
    /// </summary>
    public bool DeliversDirectly => _direct;

    /// <summary>Whether actors are attached, so that the worker must not end yet. Any thread.</summary>
    public bool HasActors => Inhabitants > 0;

    /// <summary>
    /// Hands a message to an actor: from the worker's own code (a source, poller or ticker, not another actor), and while
    /// the actor is idle, by calling it at once, without a queue, a locked instruction or an allocation. In every other case
    /// the same as <c>Tell</c>. Order is that of <c>Tell</c>: a message never overtakes an earlier one of the same sender.
    /// Any thread, any local actor; does not throw what the actor throws, its supervisor hears of that as always.
    /// </summary>
    /// <param name="cell">From <see cref="CellOf"/>.</param>
    /// <param name="message">Owned by the actor from here. If it is pooled, it may be back in the pool on return.</param>
    /// <param name="sender">Null for nobody.</param>
    public void Deliver(ActorCell cell, object message, IActorRef? sender = null)
    {
        if (!_direct || !Loop.OnThread || !ReferenceEquals(cell.Dispatcher, this) || !TryInvoke(cell, message, sender))
            cell.SendMessage(EnvelopeFor(cell, message, sender));
    }

    /// <summary>The same for a reference; a few nanoseconds slower, and right for remote and ended actors too.</summary>
    public void Deliver(IActorRef target, object message, IActorRef? sender = null)
    {
        if (CellOf(target) is { } cell)
            Deliver(cell, message, sender);
        else
            target.Tell(message, sender ?? ActorRefs.NoSender);
    }

    /// <summary>
    /// The cell of a local actor that has been started, to be kept beside its reference; null for others, and for a
    /// top-level actor whose guardian has not come to it yet. It stays good for the actor's life, restarts included, and
    /// leads to dead letters after it.
    /// </summary>
    public static ActorCell? CellOf(IActorRef actor) => (actor as ActorRefWithCell)?.Underlying as ActorCell;

    /// <summary>Tells the mailbox whose thread it belongs to, before its first message, then attaches as always.</summary>
    public override void Attach(ActorCell cell)
    {
        (cell.Mailbox?.MessageQueue as WorkerMessageQueue)?.BindTo(Loop);
        base.Attach(cell);
    }

    protected override void ExecuteTask(IRunnable run) => Loop.Post(run);

    /// <summary>Nothing: the worker belongs to who made it, and other actors may come. Akka may call this repeatedly.</summary>
    protected override void Shutdown()
    {
    }

    /// <remarks>
    /// All runs of the actor happen on this thread, so if we are in none (no current cell) and none is due (mailbox idle),
    /// nobody else can begin one while we call it: exclusion without a lock. Another thread's message meanwhile schedules
    /// the mailbox, which puts it on our run queue. Nor is anything overtaken: every Tell that has returned leaves the mailbox
    /// not idle until its message was handled, so what an idle mailbox may hold is a Tell of another thread still under way.
    /// A method of its own, so that an Akka without the internals never has it compiled.
    /// </remarks>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool TryInvoke(ActorCell cell, object message, IActorRef? sender)
    {
        if (InternalCurrentActorCellKeeper.Current is not null)
            return false;
        if (cell.Mailbox is not { } mailbox || !MailboxInternals.IsIdle(mailbox))
            return false;
        InternalCurrentActorCellKeeper.Current = cell;
        try
        {
            cell.Invoke(EnvelopeFor(cell, message, sender));
        }
        finally
        {
            InternalCurrentActorCellKeeper.Current = null;
        }

        return true;
    }

    // With the system, which stands in for nobody: an envelope without any sender cannot become a dead letter and is lost.
    private static Envelope EnvelopeFor(ActorCell cell, object message, IActorRef? sender) =>
        new(message, sender ?? ActorRefs.NoSender, cell.System);
}
