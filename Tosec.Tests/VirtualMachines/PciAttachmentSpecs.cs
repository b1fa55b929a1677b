using Tosec.Tests.EndToEnd;
using Tosec.Tests.Transport.Shm;
using Tosec.Tests.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.VirtualMachines;

/// <summary>Attachment by PCI devices, in VMs: the contract of all attachments, what a guest cannot do, and programs in a guest.</summary>
[Collection(VmCollection.Name)]
public sealed class PciAttachmentSpecs(VmFixture fixture)
{
    [SkippableFact]
    public async Task The_contract_of_attachments_holds_in_a_VM()
    {
        Skip.If(fixture.Missing is not null, fixture.Missing);
        using var host = new GuestHost();
        using var receive = ReadOnlyReceive(host.RunDirectory, host.Identity.Name, "guest-node");
        var devices = new List<string>(GuestDevices(host, receive));
        foreach (var node in new[] { "tovm-node", "waf-node", "ips-node" })
        {
            foreach (var kind in Enum.GetValues<SegmentKind>())
                devices.AddRange(TestVm.Doorbell($"{kind}-{node}", host.SocketOf(kind, node), kind == SegmentKind.Edge ? host.Geometry.Channels : 1));
        }

        using var vm = new TestVm(fixture, new Dictionary<string, string>
        {
            ["node.conf"] = TestVm.IdleNode,
            ["start.sh"] = TestVm.Tests($"vm-contract {host.Identity.Name} {host.Identity.Number} {host.Identity.HostNumber}"),
        }, devices);

        var end = await vm.SaysAsync("tosec-start: exit");
        Assert.True(end.EndsWith(" 0", StringComparison.Ordinal), string.Join('\n', vm.Lines.Where(l => l.Contains("failed ", StringComparison.Ordinal)).DefaultIfEmpty(string.Join('\n', vm.Lines))));
        var cases = ContractPeer.Cases().ToArray();
        Assert.True(cases.Length > 15, $"the contract has {cases.Length} cases");
        foreach (var (name, _, _) in cases)
            Assert.Contains($"passed {name}", vm.Lines);

        // All of it is one process, whose end is the end of all its parties.
        Assert.Equal([0, 1, 2, 4], host.Links.Attached.Order());
        vm.Kill();
        GuestHost.Until(() => host.Links.Attached.Count == 0, "the host sees that the VM is gone");
    }

    [SkippableFact]
    public async Task A_guests_stores_to_the_receive_segment_reach_nobody_and_it_has_no_core_segment()
    {
        Skip.If(fixture.Missing is not null, fixture.Missing);
        using var host = new GuestHost();
        using var receive = ReadOnlyReceive(host.RunDirectory, host.Identity.Name, "guest-node");
        host.Links.Memory.State(GuestPeer.Slot).SendLimit = 7;
        using var vm = new TestVm(fixture, new Dictionary<string, string>
        {
            ["node.conf"] = TestVm.IdleNode,
            ["start.sh"] = TestVm.Tests($"vm-guest {host.Identity.Name} tovm-node"),
        }, GuestDevices(host, receive));

        Assert.Equal("devices 2", await vm.SaysAsync("devices "));
        Assert.Equal("core False", await vm.SaysAsync("core "));
        await vm.SaysAsync("refused: ");
        Assert.Equal("stored over 7, read 7", await vm.SaysAsync("stored over"));
        Assert.Equal(7ul, Volatile.Read(ref host.Links.Memory.State(GuestPeer.Slot).SendLimit));
        using (var tovm = ProcessAttachment.Connect(host.RunDirectory, host.Identity.Name, "tovm-node", trusted: true))
            Volatile.Write(ref tovm.Memory.State(GuestPeer.Slot).SendLimit, GuestPeer.Answer);
        Assert.Equal($"saw {GuestPeer.Answer}", await vm.SaysAsync("saw "));
    }

    [SkippableFact]
    public async Task Programs_in_a_guest_without_a_network_card_serve_and_reach_out_through_processes_of_the_host()
    {
        Skip.If(fixture.Missing is not null, fixture.Missing);
        var site = new Site { Elsewhere = ["alice"] };
        await site.InitializeAsync();
        try
        {
            await File.WriteAllTextAsync(site["www/page"], "from the world");
            var world = site.StartOutside("python3", "-m", "http.server", "--bind", site.Outside, "8000");
            await Site.Listening(world, site.Outside, 8000);
            using var receive = ReadOnlyReceive(site.RunDirectory, "alice", "guest");
            using var vm = new TestVm(fixture, new Dictionary<string, string>
            {
                ["site.conf"] = await File.ReadAllTextAsync(site["site.conf"]),
                ["node.conf"] = "include \"site.conf\"\ntosec.attachment = pci\ntosec.node { name = alice\nrole = guest }\n",
                ["start.sh"] = $"""
                    #!/bin/sh
                    export TOSEC_RUN_DIRECTORY={site.RunDirectory} TOSEC_DEBUG=1
                    ls /sys/class/net | tr '\n' ' ' | sed 's/^/cards: /'; echo
                    mkdir -p /var/www && cd /var/www && echo 'from the guest' >page
                    tosec run -- python3 -m http.server --bind {site.Alice} {Site.WebPort} &
                    tosec run -- curl -s http://{site.Outside}:8000/page | sed 's/^/got: /'; echo
                    """,
            }, [.. TestVm.Doorbell("edge", LinkPath.Socket(site.RunDirectory, "alice", SegmentKind.Edge, "guest"), 64),
                .. TestVm.ReadOnly("receive", PathOf(receive), receive.Memory.Length)]);

            await vm.SaysAsync("tosec-start: exit 0");
            Assert.Equal("cards: lo ", await vm.SaysAsync("cards: "));
            Assert.Equal("got: from the world", await vm.SaysAsync("got: "));
            await vm.SaysAsync("Serving HTTP");
            var page = await site.RunOutside("curl", "-s", "--retry", "20", "--retry-delay", "1", "--retry-connrefused", $"http://{site.Alice}:{Site.WebPort}/page");
            Assert.Equal((0, "from the guest\n"), (page.Code, page.Output));
            var attack = await site.RunOutside("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", $"http://{site.Alice}:{Site.WebPort}/?id=1'%20OR%20'1'='1");
            Assert.Equal("403", attack.Output);

            vm.Kill();
            await site.IsClean(socketsLeft: 0);
        }
        finally
        {
            await site.DisposeAsync();
        }
    }

    // The host node's descriptor of the guest's receive segment, by way of the guest's own slot, which a VM with a plain device leaves free.
    private static IvshmemClient ReadOnlyReceive(string runDirectory, string guest, string node) =>
        IvshmemClient.Connect(LinkPath.Socket(runDirectory, guest, SegmentKind.Receive, node), vectors: 1);

    private static string PathOf(IvshmemClient receive) => $"/proc/{Environment.ProcessId}/fd/{receive.Memory.Descriptor}";

    private static string[] GuestDevices(GuestHost host, IvshmemClient receive) =>
        [.. TestVm.Doorbell("edge-guest", host.SocketOf(SegmentKind.Edge, "guest-node"), host.Geometry.Channels),
            .. TestVm.ReadOnly("receive-guest", PathOf(receive), receive.Memory.Length)];
}
