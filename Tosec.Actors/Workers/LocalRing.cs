using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Tosec.Actors.Workers;

/// <summary>
/// A first-in first-out queue of one thread. It has no array until it is first used, grows by doubling, and gives an array
/// larger than it was told to keep back to the collector when it runs empty. A mutable struct: hold it in a field.
/// </summary>
internal struct LocalRing<T>
{
    private const int SmallestCapacity = 4;

    private readonly int _keptCapacity;
    private T[]? _items;
    private int _head;
    private int _count;

    /// <param name="keptCapacity">The largest array that is kept while the queue is empty, in items.</param>
    public LocalRing(int keptCapacity) => _keptCapacity = keptCapacity;

    public readonly int Count => _count;

    public readonly bool IsEmpty => _count == 0;

    public void Enqueue(T item)
    {
        var items = _items;
        if (items is null || _count == items.Length)
            items = Grow();
        items[(_head + _count) & (items.Length - 1)] = item;
        _count++;
    }

    public bool TryDequeue([MaybeNullWhen(false)] out T item)
    {
        if (_count == 0)
        {
            item = default;
            return false;
        }

        var items = _items!;
        item = items[_head];
        // The slot would otherwise keep the item alive until the ring comes round again.
        items[_head] = default!;
        _head = (_head + 1) & (items.Length - 1);
        if (--_count == 0 && items.Length > _keptCapacity)
            _items = null; // Grow starts again from index 0.
        return true;
    }

    private T[] Grow()
    {
        var grown = new T[_items is null ? SmallestCapacity : checked(_items.Length * 2)];
        if (_items is not null)
        {
            var untilEnd = Math.Min(_count, _items.Length - _head);
            Array.Copy(_items, _head, grown, 0, untilEnd);
            Array.Copy(_items, 0, grown, untilEnd, _count - untilEnd);
        }

        _head = 0;
        _items = grown;
        // Indexes are masked, so the length has to be a power of two.
        Debug.Assert(BitOperations.IsPow2(grown.Length));
        return grown;
    }
}
