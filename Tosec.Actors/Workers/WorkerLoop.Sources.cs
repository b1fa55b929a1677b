using Tosec.Transport.Shm.Interop;

namespace Tosec.Actors.Workers;

/// <content>What the worker waits for and looks at.</content>
public sealed partial class WorkerLoop
{
    // No table index comes near it.
    private const ulong WakeToken = ulong.MaxValue;

    private readonly SourceTable _sources = new();
    private readonly LiveList<IPoller> _pollers = new();
    private readonly LiveList<ITicker> _tickers = new();
    private long _nextTick;

    /// <summary>Starts to wait for a source; its descriptor stays its own.</summary>
    /// <param name="source">Not registered here yet.</param>
    /// <param name="events">What to wait for, a set of <see cref="EventMask"/>.</param>
    /// <exception cref="InvalidOperationException">It is registered, or this is the wrong thread.</exception>
    /// <exception cref="NativeFailure">The kernel refuses the descriptor; the source is not registered.</exception>
    public void Register(IEventSource source, uint events = EventMask.Readable)
    {
        RequireThread();
        if (_sources.Contains(source))
            throw new InvalidOperationException($"{source} is registered with worker {Name} already");
        var descriptor = source.Descriptor;
        var token = _sources.Add(source, descriptor);
        try
        {
            _epoll.Add(descriptor, events, token);
        }
        catch
        {
            _sources.Remove(source);
            throw;
        }
    }

    /// <summary>Changes what to wait for.</summary>
    /// <exception cref="InvalidOperationException">It is not registered, or this is the wrong thread.</exception>
    /// <exception cref="NativeFailure">The descriptor was closed while registered.</exception>
    public void Update(IEventSource source, uint events)
    {
        RequireThread();
        if (!_sources.TryGet(source, out var token, out var descriptor))
            throw new InvalidOperationException($"{source} is not registered with worker {Name}");
        _epoll.Modify(descriptor, events, token);
    }

    /// <summary>Stops waiting for a source: from here it is not called, not even for what was ready already.</summary>
    /// <returns>False if it was not registered.</returns>
    /// <exception cref="InvalidOperationException">This is the wrong thread.</exception>
    public bool Unregister(IEventSource source)
    {
        RequireThread();
        if (!_sources.TryGet(source, out _, out var descriptor))
            return false;
        _sources.Remove(source);
        try
        {
            _epoll.Remove(descriptor);
        }
        catch (NativeFailure failure) when (failure.Errno is Errnos.EBADF or Errnos.ENOENT)
        {
            // It was closed first, and the kernel has taken it out of the set then; nothing is left to remove.
        }

        return true;
    }

    /// <summary>Starts to poll on each pass.</summary>
    /// <exception cref="InvalidOperationException">It is there already, or this is the wrong thread.</exception>
    public void AddPoller(IPoller poller)
    {
        RequireThread();
        if (_pollers.Contains(poller))
            throw new InvalidOperationException($"{poller} is polled by worker {Name} already");
        _pollers.Add(poller);
    }

    /// <summary>Stops polling: no member of it is called from here, not even <see cref="IPoller.EndSleep"/>.</summary>
    /// <returns>False if it was not there.</returns>
    /// <exception cref="InvalidOperationException">This is the wrong thread.</exception>
    public bool RemovePoller(IPoller poller)
    {
        RequireThread();
        return _pollers.Remove(poller);
    }

    /// <summary>Starts to tick, the first time after one interval at most.</summary>
    /// <exception cref="InvalidOperationException">It is there already, or this is the wrong thread.</exception>
    public void AddTicker(ITicker ticker)
    {
        RequireThread();
        if (_tickers.Contains(ticker))
            throw new InvalidOperationException($"{ticker} ticks on worker {Name} already");
        if (_tickers.Count == 0)
            _nextTick = Environment.TickCount64 + TickMilliseconds;
        _tickers.Add(ticker);
    }

    /// <summary>Stops ticking; it is not called from here.</summary>
    /// <returns>False if it was not there.</returns>
    /// <exception cref="InvalidOperationException">This is the wrong thread.</exception>
    public bool RemoveTicker(ITicker ticker)
    {
        RequireThread();
        return _tickers.Remove(ticker);
    }

    private long TickMilliseconds => (long)Settings.TickInterval.TotalMilliseconds;

    private bool PollAll()
    {
        var found = false;
        for (var i = 0; i < _pollers.Count; i++)
        {
            var poller = _pollers[i];
            if (poller is null)
                continue;
            try
            {
                if (!poller.Poll())
                    continue;
                _fruitfulPolls++;
                found = true;
            }
            catch (Exception failure)
            {
                _pollers.Remove(poller);
                Report(poller, failure);
                found = true;
            }
        }

        return found;
    }

    private void TickIfDue()
    {
        if (_tickers.Count == 0)
            return;
        var now = Environment.TickCount64;
        if (now < _nextTick)
            return;
        _nextTick = now + TickMilliseconds;
        for (var i = 0; i < _tickers.Count; i++)
        {
            var ticker = _tickers[i];
            if (ticker is null)
                continue;
            try
            {
                ticker.OnTick(now);
            }
            catch (Exception failure)
            {
                _tickers.Remove(ticker);
                Report(ticker, failure);
            }
        }
    }

    // Between passes, when nobody walks the lists.
    private void Compact()
    {
        _pollers.Compact();
        _tickers.Compact();
    }
}
