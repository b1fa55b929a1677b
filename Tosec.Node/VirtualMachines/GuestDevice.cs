using Tosec.Actors.Host;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Node.VirtualMachines;

/// <summary>A PCI device of a VM that stands for one segment of a guest's memory.</summary>
/// <param name="Id">What QEMU calls the device, and what is behind it.</param>
/// <param name="Segment">Which segment.</param>
/// <param name="Path">The slot server's socket; or, for a device without one, the file that is mapped.</param>
/// <param name="Vectors">MSI-X vectors; 0: a device without a doorbell (<c>ivshmem-plain</c>), and read-only.</param>
/// <param name="Bytes">Length of the segment: a power of two.</param>
internal sealed record GuestDevice(string Id, SegmentKind Segment, string Path, int Vectors, long Bytes)
{
    /// <summary>
    /// What a guest's own VM has: the edge, and the receive segment behind a backend that QEMU maps for reading only, so that stores of
    /// the guest go nowhere. No core.
    /// </summary>
    public static IReadOnlyList<GuestDevice> OfGuest(string runDirectory, HostedGuest guest, string party) =>
    [
        Doorbell(runDirectory, guest, SegmentKind.Edge, party),
        new GuestDevice(
            Name(SegmentKind.Receive, guest), SegmentKind.Receive, LinkPath.ReadOnlyReceive(runDirectory, guest.Identity.Name), 0,
            guest.Geometry.SegmentBytes(SegmentKind.Receive)),
    ];

    /// <summary>What a trusted VM, the TOVM or an SVM, has of a guest: all three.</summary>
    public static IReadOnlyList<GuestDevice> OfTrusted(string runDirectory, HostedGuest guest, string party) =>
    [
        Doorbell(runDirectory, guest, SegmentKind.Edge, party),
        Doorbell(runDirectory, guest, SegmentKind.Receive, party),
        Doorbell(runDirectory, guest, SegmentKind.Core, party),
    ];

    // QEMU takes as many vectors of each other peer as the device itself has, and refuses more: so every device of a link has as many
    // as its busiest slot, the guest's, whose channels have one each.
    private static GuestDevice Doorbell(string runDirectory, HostedGuest guest, SegmentKind segment, string party) => new(
        Name(segment, guest), segment, LinkPath.Socket(runDirectory, guest.Identity.Name, segment, party),
        segment == SegmentKind.Edge ? guest.Geometry.Channels : 1, guest.Geometry.SegmentBytes(segment));

    private static string Name(SegmentKind segment, HostedGuest guest) => $"{segment.ToString().ToLowerInvariant()}-{guest.Identity.Name}";
}
