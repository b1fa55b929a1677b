using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Actors.Toe;

/// <summary>Which incarnation of each party of a guest we have seen last, so that one that is gone, or another by now, is noticed.</summary>
internal sealed class PartyWatch(GuestMemory memory)
{
    private readonly ulong[] _incarnations = new ulong[Party.Count];

    /// <summary>Known from its first connection on, not from the next tick: it may be gone by then.</summary>
    public void Know(int party)
    {
        ref var known = ref _incarnations[party];
        if (known == 0)
            known = Current(party);
    }

    /// <summary>Looks again.</summary>
    /// <param name="party">Which.</param>
    /// <param name="isBack">Whether there is another in the place of the one that is gone.</param>
    /// <returns>Whether the party that was known is gone.</returns>
    public bool IsGone(int party, out bool isBack)
    {
        var was = _incarnations[party];
        var incarnation = _incarnations[party] = Current(party);
        isBack = incarnation != 0;
        return was != 0 && was != incarnation;
    }

    private ulong Current(int party) => Volatile.Read(ref memory.CoreParty(party).Incarnation);
}
