using System.Collections.Concurrent;
using Akka.Dispatch;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Actors.Workers;

/// <summary>
/// A worker: one dedicated thread that waits in one epoll set, polls lanes, and runs mailboxes and other posted work.
/// </summary>
/// <remarks>
/// Whoever makes it disposes it, after the actors that run on it have terminated: an actor whose worker has ended handles
/// nothing any more, its termination included, so <c>ActorSystem.Terminate</c> would wait for it for ever.
/// Unless a member says otherwise it is to be called on the worker's thread, or before <see cref="Start"/>.
/// </remarks>
public sealed partial class WorkerLoop : IDisposable
{
    [ThreadStatic]
    private static WorkerLoop? _current;

    private readonly Action<WorkerLoop, object, Exception> _onFailure;
    private readonly object _lifecycle = new();
    private readonly Thread _thread;
    private readonly EventFd _wake;
    private readonly Epoll _epoll;

    // Many producers, one consumer. Its segments are reused, so a steady flow allocates nothing.
    private readonly ConcurrentQueue<IRunnable> _posted = new();
    private LocalRing<IRunnable> _runs = new(keptCapacity: int.MaxValue);
    private SleepFlag _sleep;
    private bool _started;
    private bool _stopping;
    private bool _ended;

    private long _passes;
    private long _blocks;
    private long _wakes;
    private long _fruitfulPolls;
    private long _ran;
    private long _events;
    private long _staleEvents;
    private long _failures;
    private long _dropped;

    /// <param name="name">Name of the worker and its thread; the kernel shows the first 15 bytes.</param>
    /// <param name="settings">How it waits.</param>
    /// <param name="onFailure">
    /// Told on the worker's thread about each exception out of a source, poller, ticker or posted work (given as the second
    /// argument; the loop itself when the thread could not be pinned or has to end). The culprit is unregistered already.
    /// What the callback throws is counted as a failure and otherwise ignored.
    /// </param>
    /// <exception cref="NativeFailure">No descriptors are left.</exception>
    public WorkerLoop(string name, WorkerSettings settings, Action<WorkerLoop, object, Exception> onFailure)
    {
        Name = name;
        Settings = settings;
        _onFailure = onFailure;
        _wake = EventFd.Create();
        try
        {
            _epoll = Epoll.Create();
            _epoll.Add(_wake.Descriptor, Epoll.EPOLLIN, WakeToken);
        }
        catch
        {
            Close();
            throw;
        }

        _thread = new Thread(Run) { IsBackground = true, Name = name };
    }

    /// <summary>The worker whose thread is the calling one, if it is one. Any thread.</summary>
    public static WorkerLoop? Current => _current;

    public string Name { get; }

    public WorkerSettings Settings { get; }

    /// <summary>Whether the calling thread is this worker's. Any thread.</summary>
    public bool OnThread => ReferenceEquals(_current, this);

    /// <summary>Whether the thread has ended. Any thread.</summary>
    public bool HasEnded => Volatile.Read(ref _ended);

    /// <summary>The kernel's number of the thread, 0 until it runs. Any thread.</summary>
    public int ThreadId { get; private set; }

    /// <summary>The CPU that the thread is pinned to, -1 if it is not, or could not be. Any thread.</summary>
    public int PinnedCpu { get; private set; } = -1;

    /// <summary>What has been done so far. Any thread.</summary>
    public WorkerCounters Counters => new(
        Volatile.Read(ref _passes),
        Volatile.Read(ref _blocks),
        Volatile.Read(ref _wakes),
        Volatile.Read(ref _fruitfulPolls),
        Volatile.Read(ref _ran),
        Volatile.Read(ref _events),
        Volatile.Read(ref _staleEvents),
        Volatile.Read(ref _failures),
        Volatile.Read(ref _dropped));

    /// <summary>Starts the thread. Any thread, once.</summary>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    /// <exception cref="ObjectDisposedException">It was disposed before.</exception>
    public void Start()
    {
        lock (_lifecycle)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            if (_started)
                throw new InvalidOperationException($"Worker {Name} was started twice");
            Volatile.Write(ref _started, true);
            _thread.Start();
        }
    }

    /// <summary>
    /// Runs something on the worker's thread, after what the same thread has posted before. Any thread; does not block, and
    /// allocates nothing in a steady flow. Work that comes after the worker has ended is dropped and counted.
    /// </summary>
    public void Post(IRunnable work)
    {
        if (OnThread)
        {
            _runs.Enqueue(work);
            return;
        }

        if (HasEnded)
        {
            Interlocked.Increment(ref _dropped);
            return;
        }

        _posted.Enqueue(work);
        if (_sleep.TryWake())
            Wake();
    }

    /// <summary>The same for a delegate; allocates.</summary>
    public void Post(Action work) => Post(new PostedAction(work));

    /// <summary>
    /// Ends the worker: what is queued is dropped and counted, sources and pollers are let go without a call. Returns when
    /// the thread has ended; called on that thread itself it returns at once, and the thread ends with its current pass.
    /// Any thread, also more than once.
    /// </summary>
    public void Dispose()
    {
        lock (_lifecycle)
        {
            Volatile.Write(ref _stopping, true);
            if (!_started)
            {
                Volatile.Write(ref _ended, true);
                Close();
                return;
            }
        }

        Wake();
        if (!OnThread)
            _thread.Join();
    }

    private void Wake()
    {
        try
        {
            _wake.Ring();
        }
        catch (ObjectDisposedException)
        {
            // The worker ended between the caller's look and the ring: there is nobody to wake.
        }
    }

    private void Close()
    {
        _epoll?.Dispose();
        _wake.Dispose();
    }

    private void RequireThread()
    {
        if (!OnThread && Volatile.Read(ref _started))
            throw new InvalidOperationException($"Only worker {Name}'s own thread may do this; post it");
    }

    private sealed class PostedAction(Action work) : IRunnable
    {
        public void Run() => work();

        public void Execute() => Run();
    }
}
