using System.Net;
using Tosec.Actors.Inspection;

namespace Tosec.Actors.Chains;

/// <summary>What <c>/user/vm/chains</c> understands. Local only.</summary>
public static class ChainsProtocol
{
    /// <summary>Answered with <see cref="ChainReport"/>[], one for each chain of the policy.</summary>
    public sealed record ListChains;

    /// <summary>What would be decided on a connection; answered with <see cref="PolicyDecision"/>.</summary>
    /// <param name="Guest">Whose connection.</param>
    /// <param name="Tenant">Whose guest.</param>
    /// <param name="Initiator">Outgoing: the guest connects to <paramref name="Peer"/>. Incoming: the peer's address, the guest's port.</param>
    /// <param name="Peer">Address of the peer; port as above.</param>
    public sealed record Route(string Guest, string Tenant, StreamDirection Initiator, IPEndPoint Peer);
}

/// <summary>A chain and what passes it at this VM.</summary>
public sealed record ChainReport(ChainDefinition Chain, int Connections, long OutgoingBytes, long IncomingBytes, long HeldBytes);
