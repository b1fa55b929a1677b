namespace Tosec.Actors.Workers;

/// <summary>
/// A list of one thread whose items may be added and removed while it is walked by index. A removed item is gone at once
/// (its place reads null), so whoever removes may free what it stands on; an added one is seen by the walk that is on.
/// </summary>
internal sealed class LiveList<T> where T : class
{
    private readonly List<T?> _items = [];
    private bool _hasHoles;

    /// <summary>Places, holes included.</summary>
    public int Count => _items.Count;

    /// <summary>The item at a place; null when it was removed since the last <see cref="Compact"/>.</summary>
    public T? this[int index] => _items[index];

    public bool Contains(T item) => IndexOf(item) >= 0;

    public void Add(T item) => _items.Add(item);

    public bool Remove(T item)
    {
        var index = IndexOf(item);
        if (index < 0)
            return false;
        _items[index] = null;
        _hasHoles = true;
        return true;
    }

    /// <summary>Closes the holes. Not while anybody walks.</summary>
    public void Compact()
    {
        if (!_hasHoles)
            return;
        _items.RemoveAll(static item => item is null);
        _hasHoles = false;
    }

    private int IndexOf(T item)
    {
        for (var i = 0; i < _items.Count; i++)
        {
            if (ReferenceEquals(_items[i], item))
                return i;
        }

        return -1;
    }
}
