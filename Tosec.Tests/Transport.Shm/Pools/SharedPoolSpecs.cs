using CsCheck;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Tests.Transport.Shm.Pools;

/// <summary>A buffer has at every moment exactly one owner, and only that one can hand it on or return it.</summary>
public sealed class SharedPoolSpecs
{
    private const int Small = 67;
    private const int Large = 3;

    [Fact]
    public void A_rented_buffer_is_the_renters_and_has_the_size_of_its_class()
    {
        using var memory = new PoolMemory(Small, Large);
        var pool = memory.Pool;

        Assert.True(pool.TryRent(1, 3, 65535, out var small));
        Assert.True(pool.TryRent(2049, 4, 0, out var large));

        Assert.Equal((0, 2048, (ulong)PoolMemory.Data), (small.Index, small.Capacity, small.Offset));
        Assert.Equal((Small, 32768, (ulong)(PoolMemory.Data + Small * 2048)), (large.Index, large.Capacity, large.Offset));
        Assert.Equal(new BufferOwner(false, 3, 65535, small.Generation), pool.Owner(small.Index));
        Assert.True(pool.IsOwned(large.Index, large.Generation, 4));
        Assert.False(pool.IsOwned(large.Index, large.Generation, 3));
        Assert.False(pool.IsOwned(large.Index, large.Generation + 1, 4));
    }

    [Fact]
    public void A_small_request_takes_a_large_buffer_when_no_small_one_is_left_and_then_the_pool_is_exhausted()
    {
        using var memory = new PoolMemory(Small, Large);
        for (var i = 0; i < Small; i++)
        {
            Assert.True(memory.Pool.TryRent(2048, 1, 0, out var buffer));
            Assert.Equal(2048, buffer.Capacity);
        }

        for (var i = 0; i < Large; i++)
        {
            Assert.True(memory.Pool.TryRent(2048, 1, 0, out var buffer));
            Assert.Equal(32768, buffer.Capacity);
        }

        Assert.False(memory.Pool.TryRent(1, 1, 0, out var none));
        Assert.Equal(default, none);
        Assert.False(memory.Pool.TryRent(32768, 1, 0, out _));
    }

    [Theory]
    [InlineData(32769)]
    [InlineData(int.MaxValue)]
    public void What_is_larger_than_any_class_is_not_rented(int bytes)
    {
        using var memory = new PoolMemory(Small, Large);

        Assert.False(memory.Pool.TryRent(bytes, 1, 0, out _));
    }

    [Fact]
    public void A_double_return_is_refused()
    {
        using var memory = new PoolMemory(Small, Large);
        memory.Pool.TryRent(1, 1, 0, out var buffer);

        Assert.True(memory.Pool.TryReturn(buffer.Index, buffer.Generation, 1));
        Assert.False(memory.Pool.TryReturn(buffer.Index, buffer.Generation, 1));

        Assert.True(memory.Pool.Owner(buffer.Index).Free);
    }

    [Fact]
    public void A_stale_generation_is_refused_when_the_buffer_is_the_same_partys_again()
    {
        using var memory = new PoolMemory(1, 1);
        memory.Pool.TryRent(1, 1, 0, out var before);
        memory.Pool.TryReturn(before.Index, before.Generation, 1);
        memory.Pool.TryRent(1, 1, 0, out var after);

        Assert.Equal(before.Index, after.Index);
        Assert.NotEqual(before.Generation, after.Generation);
        Assert.False(memory.Pool.TryReturn(before.Index, before.Generation, 1));
        Assert.False(memory.Pool.TryTransfer(before.Index, before.Generation, 1, 2));
        Assert.False(memory.Pool.IsOwned(before.Index, before.Generation, 1));
        Assert.True(memory.Pool.IsOwned(after.Index, after.Generation, 1));
    }

    [Fact]
    public unsafe void The_generation_goes_round_without_touching_owner_or_slot()
    {
        using var memory = new PoolMemory(1, 1);
        memory.Owners[0] = uint.MaxValue;

        Assert.True(memory.Pool.TryRent(1, 7, 0xffffff, out var buffer));

        Assert.Equal(0u, buffer.Generation);
        Assert.Equal(new BufferOwner(false, 7, 0xffffff, 0), memory.Pool.Owner(0));
    }

    [Fact]
    public void After_a_transfer_only_the_new_owner_can_hand_on_or_return()
    {
        using var memory = new PoolMemory(Small, Large);
        memory.Pool.TryRent(1, 1, 9, out var buffer);

        Assert.True(memory.Pool.TryTransfer(buffer.Index, buffer.Generation, 1, 2));

        Assert.False(memory.Pool.TryTransfer(buffer.Index, buffer.Generation, 1, 3));
        Assert.False(memory.Pool.TryReturn(buffer.Index, buffer.Generation, 1));
        Assert.Equal(new BufferOwner(false, 2, 9, buffer.Generation), memory.Pool.Owner(buffer.Index));
        Assert.True(memory.Pool.TryReturn(buffer.Index, buffer.Generation, 2));
    }

    [Fact]
    public void Reclaim_finds_buffers_whose_hints_a_dead_party_took_with_it()
    {
        using var memory = new PoolMemory(Small, Large);
        memory.Pool.TryRent(1, 1, 0, out _);
        memory.Pool.TryRent(1, 2, 0, out _);
        memory.LoseHints();
        Assert.False(memory.Pool.TryRent(1, 1, 0, out _));

        Assert.Equal(1, memory.Pool.Reclaim(2));

        var found = 0;
        while (memory.Pool.TryRent(1, 1, 0, out _))
            found++;
        Assert.Equal(Small + Large - 1, found);
    }

    [Fact]
    public void TryFind_accepts_exactly_the_ranges_within_one_buffer()
    {
        using var memory = new PoolMemory(Small, Large);
        const int LargeStart = PoolMemory.Data + Small * 2048;
        var offsets = Gen.OneOf(
            Gen.Select(Gen.Int[-1, Small], Gen.Int[-2, 2], (i, d) => (ulong)(PoolMemory.Data + i * 2048 + d)),
            Gen.Select(Gen.Int[-1, Large], Gen.Int[-2, 2], (i, d) => (ulong)(LargeStart + i * 32768 + d)),
            Gen.Int[0, LargeStart + Large * 32768].Select(o => (ulong)o), Gen.ULong);
        var lengths = Gen.OneOf(Gen.UInt[0, 33000], Gen.OneOf<uint>(0u, 1, 2047, 2048, 2049, 32767, 32768, 32769, uint.MaxValue));

        Gen.Select(offsets, lengths).Sample((offset, length) =>
        {
            var expected = -1;
            for (var i = 0; i < Small + Large; i++)
            {
                var start = (ulong)(i < Small ? PoolMemory.Data + i * 2048 : LargeStart + (i - Small) * 32768);
                var size = i < Small ? 2048u : 32768u;
                if (length > 0 && length <= size && offset >= start && offset - start <= size - length)
                    expected = i;
            }

            var found = memory.Pool.TryFind(offset, length, out var index);
            return found == (expected >= 0) && (!found || index == expected);
        }, iter: 20_000);
    }

    [Fact]
    public void Views_of_different_buffers_do_not_overlap()
    {
        using var memory = new PoolMemory(Small, Large);
        var rented = new List<PoolBuffer>();
        while (memory.Pool.TryRent(1, 1, 0, out var buffer))
        {
            rented.Add(buffer);
            memory.Pool.View(buffer.Offset, (uint)buffer.Capacity).Fill((byte)buffer.Index);
        }

        Assert.Equal(Small + Large, rented.Count);
        Assert.All(rented, b => Assert.False(memory.Pool.View(b.Offset, (uint)b.Capacity).ContainsAnyExcept((byte)b.Index)));
    }
}
