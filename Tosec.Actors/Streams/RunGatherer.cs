using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Streams;

/// <summary>Groups what the lanes bring by connection and hands each group to its stream actor, inline. One worker's thread.</summary>
internal sealed class RunGatherer(WorkerDispatcher dispatcher)
{
    private readonly DescriptorRunPool _pool = new();

    /// <summary>Where its runs come from.</summary>
    public DescriptorRunPool Pool => _pool;

    private DescriptorRun? _run;
    private StreamEntry? _entry;

    public void Add(StreamEntry entry, in Descriptor descriptor)
    {
        if (!ReferenceEquals(entry, _entry) || _run!.IsFull)
        {
            Flush();
            _run = _pool.Rent();
            _entry = entry;
        }

        _run.Add(descriptor);
    }

    /// <summary>Hands over what has been gathered.</summary>
    public void Flush()
    {
        if (_run is not { } run)
            return;
        var entry = _entry!;
        _run = null;
        _entry = null;
        dispatcher.Deliver(entry.Actor!, run);
    }
}
