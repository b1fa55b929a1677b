using System.Collections.Concurrent;
using Tosec.Engines.Antivirus.Clamd;

namespace Tosec.Engines.Antivirus.Objects;

/// <summary>The threads that wait for clamd, and the bounded queue before them. Workers only add, and never wait.</summary>
internal sealed class ScanQueue : IDisposable
{
    private readonly ObjectScanner _scanner;
    private readonly BlockingCollection<ScanObject> _waiting;
    private readonly Thread[] _threads;
    private volatile bool _stopping;

    /// <param name="scanner">Asked on all threads at once.</param>
    /// <param name="threads">At least 1.</param>
    /// <param name="capacity">Objects that may wait, at least 1.</param>
    public ScanQueue(ObjectScanner scanner, int threads, int capacity)
    {
        _scanner = scanner;
        _waiting = new BlockingCollection<ScanObject>(capacity);
        _threads = new Thread[threads];
        for (var i = 0; i < threads; i++)
        {
            _threads[i] = new Thread(Run) { IsBackground = true, Name = $"scan-{i}" };
            _threads[i].Start();
        }
    }

    /// <summary>Objects that wait for a thread.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Hands over an object whose waker is set. False: there is no room, and it stays the caller's.</summary>
    public bool TryAdd(ScanObject item) => !_stopping && _waiting.TryAdd(item);

    /// <summary>Lets the scans under way end, and frees what waits. Blocks meanwhile, up to a scan's time-out.</summary>
    public void Dispose()
    {
        if (_stopping) return;
        _stopping = true;
        _waiting.CompleteAdding();
        foreach (var thread in _threads) thread.Join();
        _waiting.Dispose();
    }

    private void Run()
    {
        foreach (var item in _waiting.GetConsumingEnumerable())
            item.Finish(Scan(item));
    }

    private ScanVerdict Scan(ScanObject item)
    {
        if (_stopping || item.IsAbandoned) return new ScanVerdict(ClamdReply.Failed("the scan was called off"), "", item.Length, "");
        try
        {
            return _scanner.Scan(item);
        }
        catch (Exception failure)
        {
            // Whatever a hostile object brings about in a reader of ours costs that object its verdict, not the thread.
            return new ScanVerdict(ClamdReply.Failed(failure.Message), "", item.Length, "");
        }
    }
}
