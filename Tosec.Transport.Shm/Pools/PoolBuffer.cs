namespace Tosec.Transport.Shm.Pools;

/// <summary>A buffer of a pool at one moment of its life.</summary>
/// <param name="Index">Which buffer; small ones first.</param>
/// <param name="Generation">Changes each time the buffer is rented.</param>
/// <param name="Offset">Bytes from the start of the segment that holds it.</param>
/// <param name="Capacity">Bytes: the size of its class.</param>
public readonly record struct PoolBuffer(int Index, uint Generation, ulong Offset, int Capacity);

/// <summary>A row of the ownership table, as it was read.</summary>
public readonly record struct BufferOwner(bool Free, int Party, int Slot, uint Generation);
