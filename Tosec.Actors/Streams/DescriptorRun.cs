using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Streams;

/// <summary>
/// Descriptors of one connection that came in a row: one message for all of them. Pooled by its worker; who handles it releases it. All
/// of it on the worker's thread.
/// </summary>
internal sealed class DescriptorRun(DescriptorRunPool pool)
{
    public const int Capacity = 32;

    /// <summary>Whose it is: the pool of the worker on whose thread alone it is used.</summary>
    public DescriptorRunPool Pool => pool;

    private readonly Descriptor[] _items = new Descriptor[Capacity];

    public int Count { get; private set; }

    public bool IsFull => Count == Capacity;

    public ref readonly Descriptor this[int index] => ref _items[index];

    public void Add(in Descriptor descriptor) => _items[Count++] = descriptor;

    public void Release()
    {
        Count = 0;
        pool.Return(this);
    }
}

/// <summary>Runs that are not under way.</summary>
internal sealed class DescriptorRunPool
{
    private readonly Stack<DescriptorRun> _free = new();

    public DescriptorRun Rent() => _free.TryPop(out var run) ? run : new DescriptorRun(this);

    public void Return(DescriptorRun run) => _free.Push(run);
}
