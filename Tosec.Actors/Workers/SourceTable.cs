namespace Tosec.Actors.Workers;

/// <summary>
/// Which source an epoll token means. A token is an index and the generation of that place; removing a source moves the
/// generation on, so an event that the kernel had reported before finds nobody, not even the place's next holder.
/// One thread at a time.
/// </summary>
internal sealed class SourceTable
{
    private readonly Dictionary<IEventSource, int> _indexes = new(ReferenceEqualityComparer.Instance);
    private readonly Stack<int> _free = new();
    private Slot[] _slots = new Slot[16];
    private int _used;

    public int Count => _indexes.Count;

    public bool Contains(IEventSource source) => _indexes.ContainsKey(source);

    /// <summary>Gives a place to a source that has none.</summary>
    public ulong Add(IEventSource source, int descriptor)
    {
        if (!_free.TryPop(out var index))
        {
            index = _used++;
            if (index == _slots.Length)
                Array.Resize(ref _slots, _slots.Length * 2);
        }

        ref var slot = ref _slots[index];
        slot.Source = source;
        slot.Descriptor = descriptor;
        _indexes.Add(source, index);
        return TokenOf(index);
    }

    /// <summary>Token and registered descriptor of a source; false if it has no place.</summary>
    public bool TryGet(IEventSource source, out ulong token, out int descriptor)
    {
        if (!_indexes.TryGetValue(source, out var index))
        {
            token = 0;
            descriptor = -1;
            return false;
        }

        token = TokenOf(index);
        descriptor = _slots[index].Descriptor;
        return true;
    }

    /// <summary>Takes the place back; tokens given for it mean nobody from here.</summary>
    public bool Remove(IEventSource source)
    {
        if (!_indexes.Remove(source, out var index))
            return false;
        ref var slot = ref _slots[index];
        slot.Source = null;
        slot.Descriptor = -1;
        slot.Generation++;
        _free.Push(index);
        return true;
    }

    /// <summary>Who a token means, null if that source was removed.</summary>
    public IEventSource? Find(ulong token)
    {
        var index = (uint)token;
        if (index >= (uint)_used)
            return null;
        ref var slot = ref _slots[index];
        return slot.Generation == (uint)(token >> 32) ? slot.Source : null;
    }

    private ulong TokenOf(int index) => ((ulong)_slots[index].Generation << 32) | (uint)index;

    // The generation may wrap: a token lives for one batch of events, not for 2^32 registrations.
    private struct Slot
    {
        public IEventSource? Source;
        public int Descriptor;
        public uint Generation;
    }
}
