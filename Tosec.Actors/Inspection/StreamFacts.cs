using System.Net;

namespace Tosec.Actors.Inspection;

/// <summary>What is known of a connection before its first byte. Immutable; safe to keep.</summary>
/// <param name="ConnectionId">The cluster-wide id of the connection; its streams are this id with the direction as lowest bit.</param>
/// <param name="Guest">Name of the guest whose chain is passed.</param>
/// <param name="Chain">Name of the chain.</param>
/// <param name="Initiator">The stream of the side that connected: its bytes are the client's ("to server").</param>
/// <param name="GuestEndPoint">Address and port on the guest's side.</param>
/// <param name="PeerEndPoint">Address and port of the other side.</param>
public readonly record struct StreamFacts(
    ulong ConnectionId,
    string Guest,
    string Chain,
    StreamDirection Initiator,
    IPEndPoint GuestEndPoint,
    IPEndPoint PeerEndPoint)
{
    /// <summary>Address and port of the side that connected.</summary>
    public IPEndPoint Client => Initiator == StreamDirection.Outgoing ? GuestEndPoint : PeerEndPoint;

    /// <summary>Address and port of the side that accepted.</summary>
    public IPEndPoint Server => Initiator == StreamDirection.Outgoing ? PeerEndPoint : GuestEndPoint;
}
