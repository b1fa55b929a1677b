using System.Net;

namespace Tosec.Actors.Chains;

/// <summary>Addresses that mean the guest itself, and those that stand for them in the TOVM's kernel. Pure.</summary>
public static class LoopbackAddresses
{
    /// <summary>Where the stand-ins lie: no guest may have or reach an address of it.</summary>
    public static AddressRange Reserved { get; } = AddressRange.Of(new IPNetwork(new IPAddress([127, 255, 0, 0]), 16));

    internal static CanonicalAddress IPv4 { get; } = CanonicalAddress.Of(IPAddress.Loopback);

    internal static CanonicalAddress IPv6 { get; } = CanonicalAddress.Of(IPAddress.IPv6Loopback);

    /// <summary>Whether a connection to <paramref name="destination"/> stays within the guest, so that no policy is asked.</summary>
    /// <param name="destination">127.0.0.1, ::1 or an unspecified address, in any notation, stay.</param>
    /// <param name="own">The guest's addresses. A loopback address among them is an ordinary one.</param>
    public static bool StayWithin(IPAddress destination, IReadOnlyList<IPAddress> own)
    {
        var address = CanonicalAddress.Of(destination).AsDestination();
        return (address == IPv4 || address == IPv6) && !Has(own, address);
    }

    internal static bool Has(IReadOnlyList<IPAddress> own, CanonicalAddress loopback) => own.Any(a => CanonicalAddress.Of(a) == loopback);
}
