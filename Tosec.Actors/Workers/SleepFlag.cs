using System.Runtime.InteropServices;

namespace Tosec.Actors.Workers;

/// <summary>
/// Whether the worker is about to block. Producers read it on every post, so it has cache lines of its own: the counters
/// that the worker writes on each pass would otherwise take the line away from them.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct SleepFlag
{
    [FieldOffset(128)]
    private int _sleeping;

    /// <summary>By the worker, before it looks at its queue for the last time. A full fence: pairs with <see cref="TryWake"/>.</summary>
    public void PublishAsWorker()
    {
        Volatile.Write(ref _sleeping, 1);
        Interlocked.MemoryBarrier();
    }

    /// <summary>By the worker, when it is awake.</summary>
    public void ClearAsWorker() => Volatile.Write(ref _sleeping, 0);

    /// <summary>
    /// By a producer, after it has queued its work: true for exactly one producer of each sleep, which then rings. The fence
    /// pairs with the one of <see cref="PublishAsWorker"/>. Without either of them the producer could read "awake" while the
    /// worker still reads "queue empty", and the work would lie there until something else woke the worker.
    /// </summary>
    public bool TryWake()
    {
        Interlocked.MemoryBarrier();
        return Volatile.Read(ref _sleeping) == 1 && Interlocked.Exchange(ref _sleeping, 0) == 1;
    }
}
