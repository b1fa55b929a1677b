namespace Tosec.Actors.Inspection;

/// <summary>Which of a connection's two streams: seen from the guest whose chain is passed.</summary>
public enum StreamDirection : byte
{
    /// <summary>From the guest to its peer.</summary>
    Outgoing = 0,

    /// <summary>From the peer to the guest.</summary>
    Incoming = 1,
}
