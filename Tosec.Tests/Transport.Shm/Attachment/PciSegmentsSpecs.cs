using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.Transport.Shm.Attachment;

/// <summary>Which PCI device is which segment, over a directory that looks like sysfs with files for the devices' memory.</summary>
public sealed class PciSegmentsSpecs : IDisposable
{
    private readonly TemporaryDirectory _sysfs = new();
    private readonly SharedGuest _guest = new();
    private int _last;

    public void Dispose()
    {
        _guest.Dispose();
        _sysfs.Dispose();
    }

    [Fact]
    public void A_trusted_party_finds_its_three_segments_in_whatever_order_they_are()
    {
        using var other = new SharedGuest();
        var core = Plug(_guest, SegmentKind.Core, 2);
        Plug(other, SegmentKind.Core, 2, guestNumber: 8);
        Plug(other, SegmentKind.Edge, 2, guestNumber: 8);
        var receive = Plug(_guest, SegmentKind.Receive, 2);
        Plug(other, SegmentKind.Receive, 2, guestNumber: 8);
        var edge = Plug(_guest, SegmentKind.Edge, 2);

        var found = PciSegments.Find(_sysfs.Path, _guest.Identity.Name, "waf-node", trusted: true);

        Assert.Equal((edge, receive, core), (found.Edge.Device.Address, found.Receive.Address, found.Core!.Value.Device.Address));
        Assert.Equal(2, found.Edge.Number.Party);
    }

    [Fact]
    public void A_guest_finds_its_edge_and_a_receive_segment_without_doorbell()
    {
        var receive = Plug(_guest, SegmentKind.Receive, party: null);
        var edge = Plug(_guest, SegmentKind.Edge, Party.Guest);

        var found = PciSegments.Find(_sysfs.Path, _guest.Identity.Name, "guest-node", trusted: false);

        Assert.Equal((edge, receive), (found.Edge.Device.Address, found.Receive.Address));
        Assert.Null(found.Core);
    }

    [Fact]
    public void An_edge_segment_whose_guest_writes_that_it_is_anothers_core_is_not_believed()
    {
        Plug(_guest, SegmentKind.Receive, 1);
        Plug(_guest, SegmentKind.Edge, 1);
        // Another guest's edge, with all of this guest's core in it.
        var forged = Plug(_guest, SegmentKind.Core, 1, guestNumber: 8, device: SegmentKind.Edge);

        var failure = Assert.Throws<IOException>(() => PciSegments.Find(_sysfs.Path, _guest.Identity.Name, "tovm-node", trusted: true));

        Assert.Contains("core (with tovm-node among its parties)", failure.Message, StringComparison.Ordinal);
        Assert.Contains($"{forged}, which is the edge of guest number 8, party 1 by its own word", failure.Message, StringComparison.Ordinal);

        var core = Plug(_guest, SegmentKind.Core, 1);
        Assert.Equal(core, PciSegments.Find(_sysfs.Path, _guest.Identity.Name, "tovm-node", trusted: true).Core!.Value.Device.Address);
    }

    [Fact]
    public void What_is_missing_is_named_and_what_is_there()
    {
        Assert.Contains("there is no ivshmem device at all", Missing("alice").Message, StringComparison.Ordinal);

        var edge = Plug(_guest, SegmentKind.Edge, Party.Guest);

        Assert.Contains("no PCI device is the receive segment", Missing(_guest.Identity.Name).Message, StringComparison.Ordinal);
        Assert.Contains($"{edge} edge of {_guest.Identity.Name} as party 0", Missing("alice").Message, StringComparison.Ordinal);

        IOException Missing(string guest) => Assert.Throws<IOException>(() => PciSegments.Find(_sysfs.Path, guest, "guest-node", trusted: false));
    }

    [Fact]
    public void A_core_segment_in_which_our_number_has_another_name_is_not_ours()
    {
        Plug(_guest, SegmentKind.Edge, 2);
        Plug(_guest, SegmentKind.Receive, 2);
        Plug(_guest, SegmentKind.Core, 2);

        Assert.Throws<IOException>(() => PciSegments.Find(_sysfs.Path, _guest.Identity.Name, "ips-node", trusted: true));
    }

    [Fact]
    public void Two_devices_for_one_segment_are_refused()
    {
        Plug(_guest, SegmentKind.Edge, Party.Guest);
        Plug(_guest, SegmentKind.Receive, party: null);
        Plug(_guest, SegmentKind.Receive, party: null);

        Assert.Contains("more than one", Assert.Throws<IOException>(() =>
            PciSegments.Find(_sysfs.Path, _guest.Identity.Name, "guest-node", trusted: false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Devices_that_are_no_segments_or_too_small_or_of_others_are_passed_over()
    {
        Plug(_guest, SegmentKind.Edge, Party.Guest);
        Plug(_guest, SegmentKind.Receive, party: null);
        File.WriteAllBytes(Path.Combine(Directory.CreateDirectory(Device()).FullName, "vendor"), [0xff, 0xfe]);
        File.WriteAllText(Path.Combine(Plain(), "resource2"), new string('x', 8192));
        File.WriteAllText(Path.Combine(Plain(), "resource2"), "x");
        Plain();

        Assert.NotNull(PciSegments.Find(_sysfs.Path, _guest.Identity.Name, "guest-node", trusted: false));
    }

    private string Device() => Path.Combine(_sysfs.Path, "bus/pci/devices", $"0000:00:{_last++:x2}.0");

    private string Plain()
    {
        var path = Directory.CreateDirectory(Device()).FullName;
        File.WriteAllText(Path.Combine(path, "vendor"), "0x1af4\n");
        File.WriteAllText(Path.Combine(path, "device"), "0x1110\n");
        File.WriteAllText(Path.Combine(path, "enable"), "0\n");
        File.WriteAllText(Path.Combine(path, "resource"), "0x00000000febf1000 0x00000000febf10ff 0x0000000000040200\n");
        return path;
    }

    /// <param name="guest">Whose segment.</param>
    /// <param name="kind">What the header says.</param>
    /// <param name="party">Our number on its link; null: no doorbell.</param>
    /// <param name="guestNumber">What the device says, where that is not what the header says, or the header's new number.</param>
    /// <param name="device">What the device says, where that is not what the header says.</param>
    /// <returns>Its address.</returns>
    private unsafe string Plug(SharedGuest guest, SegmentKind kind, int? party, int? guestNumber = null, SegmentKind? device = null)
    {
        var path = Plain();
        var bytes = new byte[GuestGeometry.Page];
        using (var memory = MappedMemory.Map(guest[kind], bytes.Length, writable: false))
            new ReadOnlySpan<byte>(memory.Address, bytes.Length).CopyTo(bytes);
        if (guestNumber is { } number && device is null)
            BitConverter.TryWriteBytes(bytes.AsSpan(32), number);
        File.WriteAllBytes(Path.Combine(path, "resource2"), bytes);
        if (party is { } p)
        {
            var registers = new byte[IvshmemRegisters.MappedBytes];
            BitConverter.TryWriteBytes(registers.AsSpan(8), new LinkNumber(guestNumber ?? guest.Identity.Number, device ?? kind, p).Value);
            File.WriteAllBytes(Path.Combine(path, "resource0"), registers);
            File.WriteAllText(Path.Combine(path, "resource1"), "");
        }

        return Path.GetFileName(path);
    }
}
