using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Rings;

/// <summary>The writing end of a lane. One thread at a time; never blocks, never allocates.</summary>
/// <remarks>The consumer may be hostile: its head is only ever used to count free slots, and a head that cannot be is reported.</remarks>
public unsafe struct LaneProducer
{
    private readonly LaneHeader* _header;
    private readonly Descriptor* _slots;
    private readonly uint _capacity;
    private ulong _tail;
    private ulong _seenHead;

    /// <param name="lane">First byte of the lane's header.</param>
    /// <param name="capacity">Slots; a power of two.</param>
    internal LaneProducer(byte* lane, int capacity)
    {
        _header = (LaneHeader*)lane;
        _slots = (Descriptor*)(lane + LaneHeader.ByteSize);
        _capacity = (uint)capacity;
        // Positions go on where the last producer of this lane ended.
        _tail = Volatile.Read(ref _header->Tail);
        _seenHead = Volatile.Read(ref _header->Head);
    }

    /// <summary>Positions written.</summary>
    public readonly ulong Tail => _tail;

    /// <summary>Writes and publishes one descriptor. The doorbell is the caller's business.</summary>
    public LaneStatus TryPublish(in Descriptor descriptor)
    {
        if (_tail - _seenHead >= _capacity)
        {
            // Acquire: pairs with the consumer's release of the slot.
            _seenHead = Volatile.Read(ref _header->Head);
            var used = _tail - _seenHead;
            if (used > _capacity)
                return LaneStatus.Corrupt;
            if (used == _capacity)
                return LaneStatus.Full;
        }

        _slots[_tail & (_capacity - 1)] = descriptor;
        _tail++;
        // Release: pairs with the acquire in LaneConsumer.TryPeek.
        Volatile.Write(ref _header->Tail, _tail);
        return LaneStatus.Done;
    }
}
