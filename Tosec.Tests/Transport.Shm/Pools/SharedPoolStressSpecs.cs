using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Tests.Transport.Shm.Pools;

/// <summary>Many threads that rent, hand over and return: no buffer ever has two owners, and none is lost.</summary>
public sealed class SharedPoolStressSpecs
{
    private const int Parties = 4;
    private const int Small = 70;
    private const int Large = 4;

    [Fact]
    public void No_buffer_has_two_owners_and_none_is_lost_under_threads()
    {
        using var memory = new PoolMemory(Small, Large);
        var checker = new Checker(memory.Pool);

        var transfers = checker.Run(rounds: 100_000);

        Assert.True(transfers > 1000, $"inconclusive: {transfers} transfers");
        Assert.All(Enumerable.Range(0, Small + Large), i => Assert.True(memory.Pool.Owner(i).Free));
        // Every hint is there as well.
        for (var i = 0; i < Small + Large; i++)
            Assert.True(memory.Pool.TryRent(1, 1, 0, out _), $"buffer {i} of {Small + Large} cannot be found");
    }

    [Fact]
    public void Reclaiming_while_others_work_takes_from_the_dead_only()
    {
        using var memory = new PoolMemory(Small, Large);
        const int Dead = 7;
        var checker = new Checker(memory.Pool);
        var stop = false;
        var (left, reclaimed) = (0, 0);
        var dying = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                if (memory.Pool.TryRent(1, Dead, 0, out _))
                    left++;
            }
        });
        var survivor = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
                reclaimed += memory.Pool.Reclaim(Dead);
        });
        dying.Start();
        survivor.Start();

        checker.Run(rounds: 20_000);
        Volatile.Write(ref stop, true);
        dying.Join();
        survivor.Join();

        Assert.Equal(left, reclaimed + memory.Pool.Reclaim(Dead));
        Assert.True(left > 0, "inconclusive: nothing was left to reclaim");
        Assert.All(Enumerable.Range(0, Small + Large), i => Assert.True(memory.Pool.Owner(i).Free));
    }

    private sealed class Checker(SharedPool pool)
    {
        private readonly int[] _holders = new int[pool.Count];
        private readonly ConcurrentQueue<(PoolBuffer Buffer, ulong Stamp)>[] _lanes =
            [.. Enumerable.Range(0, Parties + 1).Select(_ => new ConcurrentQueue<(PoolBuffer, ulong)>())];
        private volatile string? _broken;
        private int _transfers;
        private int _running = Parties;

        public int Run(int rounds)
        {
            var threads = Enumerable.Range(1, Parties).Select(p => new Thread(() => Work(p, rounds))).ToArray();
            foreach (var thread in threads)
                thread.Start();
            foreach (var thread in threads)
                thread.Join();
            Assert.Null(_broken);
            return _transfers;
        }

        private void Work(int self, int rounds)
        {
            var random = new Random(self);
            var held = new List<(PoolBuffer Buffer, ulong Stamp)>();
            for (var i = 0; i < rounds && _broken is null;)
            {
                while (_lanes[self].TryDequeue(out var arrived))
                    held.Add(arrived);
                if (held.Count < 30 && pool.TryRent(random.Next(8) == 0 ? 3000 : 100, self, self, out var buffer))
                {
                    Expect(Interlocked.Exchange(ref _holders[buffer.Index], self) == 0, $"{buffer} rented by {self} is somebody's");
                    var stamp = (ulong)random.NextInt64();
                    First(buffer) = stamp;
                    held.Add((buffer, stamp));
                }

                // Only rounds that do something count: the others may have everything while they do not run.
                if (held.Count == 0)
                {
                    Thread.Yield();
                    continue;
                }

                i++;
                LetGo(self, held, random);
            }

            // Everybody goes on taking until nobody sends any more.
            Interlocked.Decrement(ref _running);
            while (Volatile.Read(ref _running) > 0 || !_lanes[self].IsEmpty || held.Count > 0)
            {
                while (_lanes[self].TryDequeue(out var arrived))
                    held.Add(arrived);
                held.ForEach(h => Return(self, h));
                held.Clear();
                Thread.Yield();
            }
        }

        private void LetGo(int self, List<(PoolBuffer Buffer, ulong Stamp)> held, Random random)
        {
            var which = random.Next(held.Count);
            var item = held[which];
            if (random.Next(3) == 0)
            {
                Expect(!pool.TryReturn(item.Buffer.Index, item.Buffer.Generation - 1, self), "a stale generation was returned");
                Expect(!pool.TryTransfer(item.Buffer.Index, item.Buffer.Generation, self % Parties + 1, self), "a stranger handed on");
                return;
            }

            held.RemoveAt(which);
            if (random.Next(2) == 0)
            {
                Return(self, item);
                return;
            }

            var to = self % Parties + 1;
            Expect(First(item.Buffer) == item.Stamp, $"{item.Buffer} was written by another");
            Expect(Interlocked.Exchange(ref _holders[item.Buffer.Index], to) == self, $"{item.Buffer} was not {self}'s");
            Expect(pool.TryTransfer(item.Buffer.Index, item.Buffer.Generation, self, to), $"{item.Buffer} could not be handed on");
            _lanes[to].Enqueue(item);
            Interlocked.Increment(ref _transfers);
        }

        private void Return(int self, (PoolBuffer Buffer, ulong Stamp) item)
        {
            Expect(First(item.Buffer) == item.Stamp, $"{item.Buffer} was written by another");
            Expect(Interlocked.Exchange(ref _holders[item.Buffer.Index], 0) == self, $"{item.Buffer} was not {self}'s");
            Expect(pool.TryReturn(item.Buffer.Index, item.Buffer.Generation, self), $"{item.Buffer} could not be returned");
        }

        private ref ulong First(PoolBuffer buffer) => ref MemoryMarshal.AsRef<ulong>(pool.View(buffer.Offset, 8));

        private void Expect(bool holds, string otherwise)
        {
            if (!holds)
                _broken ??= otherwise;
        }
    }
}
