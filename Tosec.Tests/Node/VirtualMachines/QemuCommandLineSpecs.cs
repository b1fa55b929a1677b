using System.Net;
using Tosec.Node.Configuration;
using Tosec.Node.VirtualMachines;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Node.VirtualMachines;

public sealed class QemuCommandLineSpecs
{
    private static readonly NicSettings _nic = new(
        "outside", "tap0", "52:54:00:00:00:01", [new InterfaceAddress(IPAddress.Parse("10.0.0.2"), 24)], null);

    [Fact]
    public void A_guest_has_its_edge_and_a_receive_segment_that_it_cannot_write_and_nothing_else_to_speak_by()
    {
        var arguments = Of(TestPlans.Vm("alice", NodeRole.Guest), GuestDevice.OfGuest("/r", TestPlans.Guest("alice"), "guest"), []);

        Assert.Equal(
            ["intel-iommu,intremap=on", "virtio-blk-pci,drive=root", "ivshmem-doorbell,id=edge-alice,chardev=edge-alice,vectors=4", "ivshmem-plain,id=receive-alice,memdev=receive-alice"],
            ValuesOf(arguments, "-device"));
        Assert.Equal(["socket,id=serial,path=/r/vm/alice/serial.sock", "socket,id=edge-alice,path=/r/alice/edge.guest.sock"], ValuesOf(arguments, "-chardev"));
        Assert.Equal(
            [$"memory-backend-file,id=receive-alice,mem-path=/r/alice/receive.memory,size={TestPlans.Guest("alice").Geometry.SegmentBytes(SegmentKind.Receive)},share=on,readonly=on"],
            ValuesOf(arguments, "-object"));
        Assert.DoesNotContain(arguments, a => a.Contains("core", StringComparison.Ordinal) || a.Contains("net", StringComparison.Ordinal));
        Assert.Contains("-nodefaults", arguments);
    }

    [Fact]
    public void A_guest_with_a_network_card_or_a_place_for_more_is_not_started()
    {
        Assert.Throws<ArgumentException>(() => Of(TestPlans.Vm("alice", NodeRole.Guest, _nic), [], []));
        Assert.Throws<ArgumentException>(() => Of(TestPlans.Vm("alice", NodeRole.Guest), [], GuestDevice.OfGuest("/r", TestPlans.Guest("bob"), "guest")));
    }

    [Theory]
    [InlineData(NodeRole.Tovm, "tovm")]
    [InlineData(NodeRole.Svm, "waf-1")]
    public void A_trusted_VM_has_the_three_segments_of_a_guest_each_behind_a_bridge_and_its_cards(NodeRole role, string party)
    {
        var arguments = Of(TestPlans.Vm(party, role, _nic), GuestDevice.OfTrusted("/r", TestPlans.Guest("alice"), party), []);

        Assert.Equal(
            [
                "intel-iommu,intremap=on", "virtio-blk-pci,drive=root", "virtio-net-pci,netdev=net-outside,mac=52:54:00:00:00:01,romfile=",
                "pcie-root-port,id=port-edge-alice,bus=pcie.0,chassis=1,slot=1,addr=0x8.0x0,multifunction=on,io-reserve=0",
                "ivshmem-doorbell,id=edge-alice,chardev=edge-alice,vectors=4,bus=port-edge-alice",
                "pcie-root-port,id=port-receive-alice,bus=pcie.0,chassis=2,slot=2,addr=0x8.0x1,multifunction=on,io-reserve=0",
                "ivshmem-doorbell,id=receive-alice,chardev=receive-alice,vectors=1,bus=port-receive-alice",
                "pcie-root-port,id=port-core-alice,bus=pcie.0,chassis=3,slot=3,addr=0x8.0x2,multifunction=on,io-reserve=0",
                "ivshmem-doorbell,id=core-alice,chardev=core-alice,vectors=1,bus=port-core-alice",
            ],
            ValuesOf(arguments, "-device"));
        Assert.Equal(["tap,id=net-outside,ifname=tap0,script=no,downscript=no"], ValuesOf(arguments, "-netdev"));
        Assert.Contains($"socket,id=core-alice,path=/r/alice/core.{party}.sock", arguments);
    }

    [Fact]
    public void A_guest_to_come_has_bridges_with_room_for_its_segments()
    {
        var arguments = Of(TestPlans.Vm("tovm", NodeRole.Tovm), GuestDevice.OfTrusted("/r", TestPlans.Guest("a"), "tovm"), GuestDevice.OfTrusted("/r", TestPlans.Guest("b"), "tovm"));

        var ports = ValuesOf(arguments, "-device").Where(d => d.StartsWith("pcie-root-port", StringComparison.Ordinal)).ToArray();
        Assert.Equal(6, ports.Length);
        Assert.All(ports[..3], p => Assert.DoesNotContain("pref64-reserve", p, StringComparison.Ordinal));
        Assert.All(ports[3..], p => Assert.Contains("pref64-reserve=", p, StringComparison.Ordinal));
        Assert.DoesNotContain(arguments, a => a.Contains("id=edge-b,", StringComparison.Ordinal));
    }

    [Fact]
    public void Emulated_processors_are_never_alone_because_their_atomics_would_not_be()
    {
        Assert.Equal(["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "1,maxcpus=2"], QemuCommandLine.Machine(Accelerator.Tcg, 1));
        Assert.Equal("4,maxcpus=4", QemuCommandLine.Machine(Accelerator.Tcg, 4)[^1]);
        Assert.Equal("1", QemuCommandLine.Machine(Accelerator.Kvm, 1)[^1]);
    }

    [Fact]
    public void A_comma_in_a_path_ends_no_value()
    {
        var arguments = QemuCommandLine.Of(
            TestPlans.Vm("alice", NodeRole.Guest) with { Image = "/i,readonly=off" }, Accelerator.Tcg, new VmRunDirectory("/a,b", "alice"),
            GuestDevice.OfGuest("/a,b", TestPlans.Guest("alice"), "guest"), []);

        Assert.Contains("socket,id=edge-alice,path=/a,,b/alice/edge.guest.sock", arguments);
        Assert.Contains("file=/i,,readonly=off/root.ext4,format=raw,if=none,id=root,readonly=on,file.locking=off", arguments);
    }

    private static IReadOnlyList<string> Of(VmSettings vm, IReadOnlyList<GuestDevice> present, IReadOnlyList<GuestDevice> later) =>
        QemuCommandLine.Of(vm, Accelerator.Tcg, new VmRunDirectory("/r", vm.Name), present, later);

    private static string[] ValuesOf(IReadOnlyList<string> arguments, string option) =>
        [.. arguments.Zip(arguments.Skip(1)).Where(pair => pair.First == option).Select(pair => pair.Second)];
}
