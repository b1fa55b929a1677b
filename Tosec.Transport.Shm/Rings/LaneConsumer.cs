using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Rings;

/// <summary>The reading end of a lane. One thread at a time; never blocks, never allocates.</summary>
/// <remarks>
/// The producer may be hostile. The position is private; the tail is read once and believed only within one lap; a descriptor is
/// copied out before anybody looks at it.
/// </remarks>
public unsafe struct LaneConsumer
{
    private readonly LaneHeader* _header;
    private readonly Descriptor* _slots;
    private readonly uint _capacity;
    private ulong _head;
    private ulong _seenTail;

    /// <param name="lane">First byte of the lane's header.</param>
    /// <param name="capacity">Slots; a power of two.</param>
    internal LaneConsumer(byte* lane, int capacity)
    {
        _header = (LaneHeader*)lane;
        _slots = (Descriptor*)(lane + LaneHeader.ByteSize);
        _capacity = (uint)capacity;
        _head = Volatile.Read(ref _header->Head);
        _seenTail = _head;
    }

    /// <summary>Copies the next descriptor without releasing its slot.</summary>
    public LaneStatus TryPeek(out Descriptor descriptor)
    {
        if (_seenTail == _head)
        {
            // Acquire: pairs with the release in LaneProducer.TryPublish.
            var tail = Volatile.Read(ref _header->Tail);
            if (tail == _head)
            {
                descriptor = default;
                return LaneStatus.Empty;
            }

            if (tail - _head > _capacity)
            {
                descriptor = default;
                return LaneStatus.Corrupt;
            }

            _seenTail = tail;
        }

        descriptor = _slots[_head & (_capacity - 1)];
        return LaneStatus.Done;
    }

    /// <summary>Releases the slot of the descriptor last peeked at; its payload buffer, on a channel's lane, goes with it.</summary>
    public void Advance()
    {
        _head++;
        // Release: pairs with the producer's acquire of Head.
        Volatile.Write(ref _header->Head, _head);
    }

    /// <summary>Whether there is something to read.</summary>
    public readonly bool HasNews => _seenTail != _head || Volatile.Read(ref _header->Tail) != _head;

    /// <summary>Starts again at the producer's tail, dropping what lies between: after a corruption was dealt with.</summary>
    public void SkipAll()
    {
        _head = _seenTail = Volatile.Read(ref _header->Tail);
        Volatile.Write(ref _header->Head, _head);
    }
}
