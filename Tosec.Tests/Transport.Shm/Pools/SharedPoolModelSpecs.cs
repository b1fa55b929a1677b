using CsCheck;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Tests.Transport.Shm.Pools;

/// <summary>Any sequence of calls, right and wrong ones, against a table that is kept by hand.</summary>
public sealed class SharedPoolModelSpecs
{
    private const int Small = 66;
    private const int Large = 2;

    private enum Call
    {
        Rent,
        RentLarge,
        Transfer,
        Return,
        ReturnOfAnotherParty,
        ReturnOfAnotherGeneration,
        ReturnAgain,
        TransferOfAnotherParty,
        TransferOfAnotherGeneration,
        Reclaim,
        ReclaimSlot,
        LoseHints,
    }

    [Fact]
    public void It_answers_as_a_table_of_owners_does()
    {
        var calls = Gen.Frequency(
            (8, Gen.Const(Call.Rent)), (2, Gen.Const(Call.RentLarge)), (4, Gen.Const(Call.Transfer)), (4, Gen.Const(Call.Return)),
            (3, Gen.Enum<Call>()));
        Gen.Select(calls, Gen.Int[0, 7], Gen.Int[0, 1000]).List[1, 300].Sample(steps =>
        {
            using var memory = new PoolMemory(Small, Large);
            var run = new Run(memory);
            foreach (var (call, party, choice) in steps)
            {
                run.Do(call, party, choice);
                run.Compare();
            }
        });
    }

    private sealed class Run(PoolMemory memory)
    {
        private readonly SharedPool _pool = memory.Pool;
        private readonly SortedDictionary<int, (int Party, int Slot, uint Generation)> _owned = [];
        private readonly uint[] _generations = new uint[Small + Large];
        private bool _hintsLost;

        public void Do(Call call, int party, int choice)
        {
            switch (call)
            {
                case Call.Rent:
                    Rent(1 + choice, party, choice % 3);
                    break;
                case Call.RentLarge:
                    Rent(2049 + choice, party, choice % 3);
                    break;
                case Call.Transfer when Pick(choice, out var index, out var owner):
                    Assert.True(_pool.TryTransfer(index, owner.Generation, owner.Party, party));
                    _owned[index] = owner with { Party = party };
                    break;
                case Call.Return when Pick(choice, out var index, out var owner):
                    Assert.True(_pool.TryReturn(index, owner.Generation, owner.Party));
                    _owned.Remove(index);
                    break;
                case Call.ReturnOfAnotherParty when Pick(choice, out var index, out var owner) && owner.Party != party:
                    Assert.False(_pool.TryReturn(index, owner.Generation, party));
                    break;
                case Call.ReturnOfAnotherGeneration when Pick(choice, out var index, out var owner):
                    Assert.False(_pool.TryReturn(index, owner.Generation + (choice % 2 == 0 ? 1 : uint.MaxValue), owner.Party));
                    break;
                case Call.ReturnAgain:
                    if (!_owned.ContainsKey(choice % _generations.Length))
                        Assert.False(_pool.TryReturn(choice % _generations.Length, _generations[choice % _generations.Length], party));
                    break;
                case Call.TransferOfAnotherParty when Pick(choice, out var index, out var owner) && owner.Party != party:
                    Assert.False(_pool.TryTransfer(index, owner.Generation, party, owner.Party));
                    break;
                case Call.TransferOfAnotherGeneration when Pick(choice, out var index, out var owner):
                    Assert.False(_pool.TryTransfer(index, owner.Generation - 1, owner.Party, party));
                    break;
                case Call.Reclaim:
                    Reclaim(party, null);
                    break;
                case Call.ReclaimSlot:
                    Reclaim(party, choice % 3);
                    break;
                case Call.LoseHints:
                    memory.LoseHints();
                    _hintsLost = true;
                    break;
                default:
                    break; // nothing to pick
            }
        }

        public void Compare()
        {
            for (var i = 0; i < _generations.Length; i++)
            {
                var owner = _pool.Owner(i);
                if (_owned.TryGetValue(i, out var expected))
                    Assert.Equal(new BufferOwner(false, expected.Party, expected.Slot, expected.Generation), owner);
                else
                    Assert.True(owner.Free, $"buffer {i} is {owner}");
            }
        }

        private void Rent(int bytes, int party, int slot)
        {
            var room = Small + Large - _owned.Count > 0 && (bytes <= GuestGeometry.SmallBuffer || _owned.Keys.Count(i => i >= Small) < Large);
            if (!_pool.TryRent(bytes, party, slot, out var buffer))
            {
                // Without hints a free buffer may stay unfound; with them never.
                Assert.True(!room || _hintsLost);
                return;
            }

            Assert.True(room);
            Assert.True(buffer.Capacity >= bytes);
            Assert.Equal(_generations[buffer.Index] + 1, buffer.Generation);
            _generations[buffer.Index] = buffer.Generation;
            // One owner: it was nobody's.
            _owned.Add(buffer.Index, (party, slot, buffer.Generation));
        }

        private void Reclaim(int party, int? slot)
        {
            var theirs = _owned.Where(p => p.Value.Party == party && (slot is null || p.Value.Slot == slot)).Select(p => p.Key).ToArray();
            Assert.Equal(theirs.Length, _pool.Reclaim(party, slot));
            foreach (var index in theirs)
                _owned.Remove(index);
            _hintsLost = false;
        }

        private bool Pick(int choice, out int index, out (int Party, int Slot, uint Generation) owner)
        {
            (index, owner) = _owned.Count == 0 ? default : _owned.ElementAt(choice % _owned.Count) is var p ? (p.Key, p.Value) : default;
            return _owned.Count > 0;
        }
    }
}
