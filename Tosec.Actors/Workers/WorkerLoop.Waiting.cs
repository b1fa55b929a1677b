using Tosec.Transport.Shm.Interop;

namespace Tosec.Actors.Workers;

/// <content>How the worker looks at its descriptors, and how it goes to sleep without losing a wake-up.</content>
public sealed partial class WorkerLoop
{
    // More ready descriptors than that are reported by the next look; the kernel takes turns among them.
    private const int EventsPerLook = 64;

    private readonly EpollEvent[] _ready = new EpollEvent[EventsPerLook];

    private bool Look(int timeoutMilliseconds)
    {
        var count = _epoll.Wait(_ready, timeoutMilliseconds);
        Hand(count);
        return count > 0;
    }

    /// <summary>Waits for a descriptor, a post or a tick, unless work turns up on the last look.</summary>
    private void Block()
    {
        // Say that we sleep, fence, look again, sleep. A producer does the reverse: queue, fence, read the flag, ring. Were
        // the second look left out, work queued after our first look and before our flag would wait for the next stranger.
        for (var i = 0; i < _pollers.Count; i++)
            Guarded(i, PollerCall.PrepareSleep);
        _sleep.PublishAsWorker();
        var mayBlock = _posted.IsEmpty && _runs.IsEmpty && !Volatile.Read(ref _stopping);
        for (var i = 0; mayBlock && i < _pollers.Count; i++)
            mayBlock = !Guarded(i, PollerCall.HasWork);

        if (mayBlock)
            _blocks++;
        // Not skipped when there is work: a poller that always claims some must not keep descriptors from their turn.
        var count = _epoll.Wait(_ready, mayBlock ? TimeUntilTick() : 0);

        _sleep.ClearAsWorker();
        for (var i = 0; i < _pollers.Count; i++)
            Guarded(i, PollerCall.EndSleep);
        Hand(count);
    }

    private int TimeUntilTick() =>
        _tickers.Count == 0 ? -1 : (int)Math.Max(0, _nextTick - Environment.TickCount64);

    private void Hand(int count)
    {
        for (var i = 0; i < count; i++)
        {
            var ready = _ready[i];
            if (ready.Token == WakeToken)
            {
                _wake.Drain();
                _wakes++;
                continue;
            }

            var source = _sources.Find(ready.Token);
            if (source is null)
            {
                _staleEvents++;
                continue;
            }

            _events++;
            try
            {
                source.OnReady(ready.Events);
            }
            catch (Exception failure)
            {
                Unregister(source);
                Report(source, failure);
            }
        }
    }

    /// <summary>One call to the poller at a place, if there is one. A failed one is removed, and its answer is "work".</summary>
    private bool Guarded(int place, PollerCall call)
    {
        var poller = _pollers[place];
        if (poller is null)
            return false;
        try
        {
            switch (call)
            {
                case PollerCall.PrepareSleep:
                    poller.PrepareSleep();
                    return false;
                case PollerCall.HasWork:
                    return poller.HasWork();
                default:
                    poller.EndSleep();
                    return false;
            }
        }
        catch (Exception failure)
        {
            _pollers.Remove(poller);
            Report(poller, failure);
            return true;
        }
    }

    private enum PollerCall : byte
    {
        PrepareSleep,
        HasWork,
        EndSleep,
    }
}
