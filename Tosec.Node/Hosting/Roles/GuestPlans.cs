using Tosec.Actors.Host;
using Tosec.Node.Configuration;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Node.Hosting.Roles;

/// <summary>Makes the host's guests of the settings: numbers, sizes, parties.</summary>
internal static class GuestPlans
{
    /// <summary>Link name of the guest's own node and of the TOVM, whatever their nodes are called.</summary>
    public const string GuestParty = "guest";
    public const string TovmParty = "tovm";

    public static IReadOnlyList<HostedGuest> Of(NodeSettings settings) =>
        [.. settings.Host.Guests.Values.Select((guest, i) => new HostedGuest(
            new GuestIdentity(guest.Name, i + 1, settings.HostNumber), Geometry(guest), Parties(guest, settings.Host)))];

    private static IReadOnlyList<PartyIdentity> Parties(HostGuestSettings guest, HostSettings host) =>
    [
        new PartyIdentity(Party.Guest, GuestParty, "guest"),
        new PartyIdentity(Party.Tovm, TovmParty, "tovm"),
        .. guest.Svms.Select((svm, i) => new PartyIdentity(Party.FirstSvm + i, svm, host.Svms[svm].Type)),
    ];

    // A quarter of each pool is small buffers: most payloads are small, most bytes are not.
    private static GuestGeometry Geometry(HostGuestSettings guest)
    {
        var send = Classes(guest.SendPoolBytes / guest.Channels);
        var @sealed = Classes(guest.SealedPoolBytes);
        var receive = Classes(guest.ReceivePoolBytes);
        return new GuestGeometry
        {
            Channels = guest.Channels,
            Streams = guest.Streams,
            SendSmall = send.Small,
            SendLarge = send.Large,
            SealedSmall = @sealed.Small,
            SealedLarge = @sealed.Large,
            ReceiveSmall = receive.Small,
            ReceiveLarge = receive.Large,
        };
    }

    private static (int Small, int Large) Classes(long bytes) =>
        ((int)Math.Max(8, bytes / 4 / GuestGeometry.SmallBuffer), (int)Math.Max(4, bytes * 3 / 4 / GuestGeometry.LargeBuffer));
}
