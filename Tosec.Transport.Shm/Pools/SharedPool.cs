using System.Numerics;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Pools;

/// <summary>
/// Fixed-size buffers of two classes that several trusted processes rent, hand over and return. The ownership table is the truth: one
/// 64-bit word a buffer, changed only by compare-and-swap, so a buffer has at every moment exactly one owner and a party that dies
/// anywhere leaves nothing half done. The hint bitmap only says where a free buffer may be found.
/// </summary>
/// <remarks>
/// Owner word: party + 1 in bits 56..63 (0: free), stream slot in bits 32..55, generation in bits 0..31. Any thread; never blocks.
/// </remarks>
public sealed unsafe class SharedPool
{
    private readonly ulong* _owners;
    private readonly ulong* _hints;
    private readonly byte* _segment;
    private readonly long _data;
    private readonly int _small;
    private readonly int _large;

    /// <param name="owners">Ownership table, in the core segment.</param>
    /// <param name="hints">Hint bitmap, in the core segment.</param>
    /// <param name="segment">First byte of the segment that holds the buffers.</param>
    /// <param name="data">Offset of the first buffer in it.</param>
    /// <param name="small">Buffers of <see cref="GuestGeometry.SmallBuffer"/> bytes.</param>
    /// <param name="large">Buffers of <see cref="GuestGeometry.LargeBuffer"/> bytes, which follow them.</param>
    internal SharedPool(ulong* owners, ulong* hints, byte* segment, long data, int small, int large)
    {
        _owners = owners;
        _hints = hints;
        _segment = segment;
        _data = data;
        _small = small;
        _large = large;
    }

    /// <summary>Buffers in all.</summary>
    public int Count => _small + _large;

    /// <summary>Bytes in all.</summary>
    public long Bytes => (long)_small * GuestGeometry.SmallBuffer + (long)_large * GuestGeometry.LargeBuffer;

    private int SmallWords => (_small + 63) / 64;

    /// <summary>Marks every buffer as a candidate. For the creator, before the segment is published.</summary>
    internal void InitializeHints()
    {
        for (var i = 0; i < Count; i++)
            SetHint(i);
    }

    /// <summary>Rents a buffer of at least <paramref name="bytes"/>; a small request takes a large buffer when no small one is left.</summary>
    /// <returns>False: exhausted, or larger than any class.</returns>
    public bool TryRent(int bytes, int party, int slot, out PoolBuffer buffer)
    {
        if (bytes <= GuestGeometry.SmallBuffer && TryRentIn(0, SmallWords, party, slot, out buffer))
            return true;
        buffer = default;
        return bytes <= GuestGeometry.LargeBuffer
            && TryRentIn(SmallWords, SmallWords + (_large + 63) / 64, party, slot, out buffer);
    }

    /// <summary>Which buffer holds the range, if it lies within one.</summary>
    public bool TryFind(ulong offset, uint length, out int index)
    {
        index = -1;
        var position = offset - (ulong)_data;
        if (offset < (ulong)_data || position >= (ulong)Bytes || length == 0)
            return false;
        var smallBytes = (ulong)_small * GuestGeometry.SmallBuffer;
        ulong within;
        int capacity;
        if (position < smallBytes)
        {
            index = (int)(position / GuestGeometry.SmallBuffer);
            within = position % GuestGeometry.SmallBuffer;
            capacity = GuestGeometry.SmallBuffer;
        }
        else
        {
            index = _small + (int)((position - smallBytes) / GuestGeometry.LargeBuffer);
            within = (position - smallBytes) % GuestGeometry.LargeBuffer;
            capacity = GuestGeometry.LargeBuffer;
        }

        return within + length <= (ulong)capacity;
    }

    /// <summary>Size of the class that a buffer belongs to: what it costs of a credit.</summary>
    public int Capacity(int index) => index < _small ? GuestGeometry.SmallBuffer : GuestGeometry.LargeBuffer;

    /// <summary>Reads a row of the ownership table.</summary>
    public BufferOwner Owner(int index)
    {
        var word = Volatile.Read(ref _owners[index]);
        var party = (int)(word >> 56);
        return new BufferOwner(party == 0, party - 1, (int)(word >> 32) & 0xffffff, (uint)word);
    }

    /// <summary>Whether the buffer is that party's, in that generation.</summary>
    public bool IsOwned(int index, uint generation, int party)
    {
        var word = Volatile.Read(ref _owners[index]);
        return word >> 56 == (ulong)party + 1 && (uint)word == generation;
    }

    /// <summary>Hands a buffer from one party to another; before its descriptor is published.</summary>
    /// <returns>False: it is not the first party's, or of another generation.</returns>
    public bool TryTransfer(int index, uint generation, int from, int to)
    {
        var word = Volatile.Read(ref _owners[index]);
        if (word >> 56 != (ulong)from + 1 || (uint)word != generation)
            return false;
        var next = (word & 0x00ff_ffff_ffff_ffff) | (ulong)(to + 1) << 56;
        return Interlocked.CompareExchange(ref _owners[index], next, word) == word;
    }

    /// <summary>Returns a buffer.</summary>
    /// <returns>False: it is not the party's, or of another generation; nothing has changed.</returns>
    public bool TryReturn(int index, uint generation, int party)
    {
        var word = Volatile.Read(ref _owners[index]);
        if (word >> 56 != (ulong)party + 1 || (uint)word != generation)
            return false;
        if (Interlocked.CompareExchange(ref _owners[index], generation, word) != word)
            return false;
        SetHint(index);
        return true;
    }

    /// <summary>The bytes of a range that <see cref="TryFind"/> has accepted.</summary>
    public Span<byte> View(ulong offset, uint length) => new(_segment + offset, (int)length);

    /// <summary>Takes back every buffer that a party owns, optionally only those of one stream slot. For the party's survivors.</summary>
    /// <returns>How many came back.</returns>
    public int Reclaim(int party, int? slot = null)
    {
        var reclaimed = 0;
        for (var i = 0; i < Count; i++)
        {
            var owner = Owner(i);
            if (!owner.Free && owner.Party == party && (slot is null || owner.Slot == slot) && TryReturn(i, owner.Generation, party))
                reclaimed++;
        }

        // A party that died between freeing a buffer and setting its hint left it free but unfindable.
        for (var i = 0; i < Count; i++)
        {
            if (Volatile.Read(ref _owners[i]) >> 56 == 0)
                SetHint(i);
        }

        return reclaimed;
    }

    private bool TryRentIn(int firstWord, int endWord, int party, int slot, out PoolBuffer buffer)
    {
        for (var w = firstWord; w < endWord; w++)
        {
            var word = Volatile.Read(ref _hints[w]);
            while (word != 0)
            {
                var bit = BitOperations.TrailingZeroCount(word);
                word &= word - 1;
                var index = w < SmallWords ? w * 64 + bit : _small + (w - SmallWords) * 64 + bit;
                Interlocked.And(ref _hints[w], ~(1ul << bit));
                var owner = Volatile.Read(ref _owners[index]);
                if (owner >> 56 != 0)
                    continue;
                var generation = (uint)owner + 1;
                var taken = (ulong)(party + 1) << 56 | (ulong)(slot & 0xffffff) << 32 | generation;
                if (Interlocked.CompareExchange(ref _owners[index], taken, owner) != owner)
                    continue;
                buffer = new PoolBuffer(index, generation, OffsetOf(index), Capacity(index));
                return true;
            }
        }

        buffer = default;
        return false;
    }

    internal ulong OffsetOf(int index) => (ulong)(_data + (index < _small
        ? (long)index * GuestGeometry.SmallBuffer
        : (long)_small * GuestGeometry.SmallBuffer + (long)(index - _small) * GuestGeometry.LargeBuffer));

    private void SetHint(int index)
    {
        var word = index < _small ? index / 64 : SmallWords + (index - _small) / 64;
        var bit = index < _small ? index % 64 : (index - _small) % 64;
        Interlocked.Or(ref _hints[word], 1ul << bit);
    }
}
