using Tosec.Tests.EndToEnd;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.VirtualMachines;

/// <summary>QEMU and processes on the same slot servers: what a process sees of VMs that come, go and are killed.</summary>
[Collection(VmCollection.Name)]
public sealed class QemuPeerTests
{
    [SkippableFact]
    public async Task A_process_sees_a_VM_by_its_word_in_shared_memory_and_a_killed_one_loses_it()
    {
        VmCollection.RequireQemu();
        await using var host = new VmHost();
        await host.StartNodeAsync();
        await host.PartiesBecome("alice");
        using var waf = ProcessAttachment.Connect(host.RunDirectory, "alice", "waf-1", trusted: true);
        await host.StartAsync("tovm");
        await host.StartAsync("alice");
        await host.PartiesBecome("alice", "guest", "tovm", "waf-1");

        // The guest's word is the host node's; the TOVM's is its node's, which this one has not, so the test says it.
        var guest = WordOf(waf, Party.Guest);
        Assert.NotEqual(0ul, guest);
        Volatile.Write(ref waf.Memory.CoreParty(Party.Tovm).Incarnation, 4711);
        Volatile.Write(ref waf.Memory.EdgeParty(Party.Tovm).Incarnation, 4711);

        await host.KillAsync("tovm");
        await host.KillAsync("alice");

        await Site.Until(() => Task.FromResult(WordOf(waf, Party.Tovm) == 0 && WordOf(waf, Party.Guest) == 0), "their words are still there");
        Assert.Equal(0ul, Volatile.Read(ref waf.Memory.EdgeParty(Party.Tovm).Incarnation));
        await host.StartAsync("alice");
        await Site.Until(() => Task.FromResult(WordOf(waf, Party.Guest) is not 0 and var word && word != guest), "the guest is back as nobody else");
    }

    [SkippableFact]
    public async Task Nobody_takes_a_VMs_place_while_it_runs()
    {
        VmCollection.RequireQemu();
        await using var host = new VmHost();
        await host.StartNodeAsync();
        await host.StartAsync("tovm");
        await host.StartAsync("alice");

        // The TOVM was started before alice, and is plugged by now.
        await host.PartiesBecome("alice", "guest", "tovm");
        Assert.Throws<IOException>(() => ProcessAttachment.Connect(host.RunDirectory, "alice", "tovm", trusted: true));

        await host.KillAsync("tovm");
        await host.PartiesBecome("alice", "guest");
        using var successor = ProcessAttachment.Connect(host.RunDirectory, "alice", "tovm", trusted: true);
        Assert.Equal(Party.Tovm, successor.Party);
    }

    private static ulong WordOf(IGuestAttachment attachment, int party) => Volatile.Read(ref attachment.Memory.CoreParty(party).Incarnation);
}
