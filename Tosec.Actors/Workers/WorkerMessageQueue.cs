using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Dispatch;
using Akka.Dispatch.MessageQueues;

namespace Tosec.Actors.Workers;

/// <summary>
/// The messages of one actor of a worker: a plain ring for those that come from the worker's own thread, and a concurrent
/// queue for the others. Both are made when first needed, because most actors are idle most of the time. Enqueueing is for
/// any thread, everything else for the worker's.
/// </summary>
/// <remarks>
/// Order per sender: a message of the worker's thread goes to the ring only while the concurrent queue is empty, and the
/// ring is read first. So whatever is in the ring is older than anything of this thread that is in the concurrent queue, and
/// a flood from this thread cannot keep the others' messages waiting: it lines up behind them.
/// </remarks>
public sealed class WorkerMessageQueue : IMessageQueue, IUnboundedMessageQueueSemantics
{
    // A burst may grow the ring; an idle actor keeps no more than 1 KB of it.
    private const int KeptCapacity = 64;

    private WorkerLoop? _loop;
    private LocalRing<Envelope> _local = new(KeptCapacity);
    private ConcurrentQueue<Envelope>? _foreign;

    /// <summary>Whether there is a message. On other threads than the worker's it is a hint.</summary>
    public bool HasMessages => !_local.IsEmpty || HasForeign;

    /// <summary>How many there are. On other threads than the worker's it is a hint.</summary>
    public int Count => _local.Count + (Volatile.Read(ref _foreign)?.Count ?? 0);

    private bool HasForeign => Volatile.Read(ref _foreign) is { IsEmpty: false };

    /// <summary>Makes the ring usable; until then every message takes the concurrent queue. Before the actor's first run.</summary>
    internal void BindTo(WorkerLoop loop) => Volatile.Write(ref _loop, loop);

    public void Enqueue(IActorRef receiver, Envelope envelope)
    {
        if (Volatile.Read(ref _loop) is { OnThread: true } && !HasForeign)
            _local.Enqueue(envelope);
        else
            Foreign().Enqueue(envelope);
    }

    public bool TryDequeue(out Envelope envelope)
    {
        if (_local.TryDequeue(out envelope))
            return true;
        if (Volatile.Read(ref _foreign) is { } foreign)
            return foreign.TryDequeue(out envelope);
        envelope = default;
        return false;
    }

    /// <summary>Moves what is left to the dead letters, where whoever owns leases in messages finds them.</summary>
    public void CleanUp(IActorRef owner, IMessageQueue deadletters)
    {
        while (TryDequeue(out var envelope))
            deadletters.Enqueue(owner, envelope);
    }

    private ConcurrentQueue<Envelope> Foreign()
    {
        var foreign = Volatile.Read(ref _foreign);
        if (foreign is not null)
            return foreign;
        var made = new ConcurrentQueue<Envelope>();
        return Interlocked.CompareExchange(ref _foreign, made, null) ?? made;
    }
}
