using Tosec.Actors.Chains;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Actors.Toe;

/// <summary>Turns the SVM types of a chain into the parties that its payloads pass. Pure.</summary>
internal static class ChainPath
{
    /// <summary>
    /// Gives each place of the chain the first living SVM of its type that has no place yet, so that a type named twice means two SVMs.
    /// </summary>
    /// <param name="chain">SVM types from the guest outwards.</param>
    /// <param name="parties">Parties of the guest's memory, in the order in which the guest lists its SVMs.</param>
    /// <param name="isAlive">Whether the party of a number is there.</param>
    /// <returns>Party numbers from the guest outwards, the TOVM last; null: an SVM is missing and the chain blocks.</returns>
    public static byte[]? Resolve(ChainDefinition chain, IReadOnlyList<PartyIdentity> parties, Func<int, bool> isAlive)
    {
        Span<byte> path = stackalloc byte[Party.Count];
        var length = 0;
        foreach (var type in chain.SvmTypes)
        {
            var party = Find(type, parties, isAlive, path[..length]);
            if (party >= 0)
                path[length++] = (byte)party;
            else if (chain.OnFailure == FailurePolicy.Block)
                return null;
        }

        path[length++] = Party.Tovm;
        return path[..length].ToArray();
    }

    private static int Find(string type, IReadOnlyList<PartyIdentity> parties, Func<int, bool> isAlive, ReadOnlySpan<byte> taken)
    {
        foreach (var party in parties)
        {
            if (Party.IsSvm(party.Number) && party.Type == type && !taken.Contains((byte)party.Number) && isAlive(party.Number))
                return party.Number;
        }

        return -1;
    }
}
