using Tosec.Actors.Host;
using Tosec.Node.Configuration;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.Node.VirtualMachines;

/// <summary>Guests and VMs for tests that look at what is made of them.</summary>
internal static class TestPlans
{
    public static HostedGuest Guest(string name) => new(new GuestIdentity(name, 1, 0), new GuestGeometry
    {
        Channels = 4,
        Streams = 64,
        SendSmall = 8,
        SendLarge = 4,
        SealedSmall = 8,
        SealedLarge = 4,
        ReceiveSmall = 8,
        ReceiveLarge = 4,
    }, []);

    public static VmSettings Vm(string name, NodeRole role, params NicSettings[] nics) => new()
    {
        Name = name,
        Role = role,
        Image = "/i",
        Kernel = "/i/vmlinux",
        Node = new VmNodeFile("/c/n.conf", []),
        Files = [],
        Start = null,
        MemoryBytes = 256 << 20,
        Processors = 1,
        Nics = nics,
    };
}
