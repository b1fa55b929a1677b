using Tosec.Tests.EndToEnd;
using Tosec.Tests.Peer;

namespace Tosec.Tests.VirtualMachines;

/// <summary>Real QEMU processes, started by a real host node on its real slot servers.</summary>
[Collection(VmCollection.Name)]
public sealed class VmLifeTests
{
    [SkippableFact]
    public async Task VMs_start_with_their_segments_say_that_they_are_ready_and_stop_when_they_are_told()
    {
        VmCollection.RequireQemu();
        await using var host = new VmHost();
        await host.StartNodeAsync();
        Assert.Equal("stopped", (await host.ListedAsync("alice"))["state"]);

        foreach (var vm in new[] { "tovm", "waf-1", "alice" })
            await host.StartAsync(vm);

        await host.PartiesBecome("alice", "guest", "tovm", "waf-1");
        Assert.Empty(await host.PartiesOf("bob"));
        await host.Reaches("alice", "ready");
        var listed = await host.ListedAsync("alice");
        Assert.Equal(("guest", "tcg"), (listed["role"], listed["accelerator"]));
        Assert.Contains("tosec-vm: ready", File.ReadAllText(listed["log"]!), StringComparison.Ordinal);
        var (code, _, errors) = await host.Vm("start", "alice");
        Assert.Equal(1, code);
        Assert.Contains("alice runs already", errors, StringComparison.Ordinal);

        var (stopped, output, _) = await host.Vm("stop", "alice");

        Assert.Equal((0, "alice has ended\n"), (stopped, output));
        Assert.Equal("stopped", (await host.ListedAsync("alice"))["state"]);
        await host.PartiesBecome("alice", "tovm", "waf-1");
        Assert.Equal(["serial.log"], Directory.GetFiles(Path.Combine(host.RunDirectory, "vm", "alice")).Select(Path.GetFileName));
    }

    [SkippableFact]
    public async Task A_guest_that_is_started_later_is_plugged_into_the_TOVM_and_SVMs_that_run()
    {
        VmCollection.RequireQemu();
        await using var host = new VmHost();
        await host.StartNodeAsync();
        await host.StartAsync("tovm");
        await host.StartAsync("waf-1");
        Assert.Empty(await host.PartiesOf("bob"));

        await host.StartAsync("bob");

        await host.PartiesBecome("bob", "guest", "tovm", "waf-1");
        Assert.Empty(await host.PartiesOf("alice"));
        // What is plugged in stays with the VM: the guest finds it there again.
        await host.KillAsync("bob");
        await host.PartiesBecome("bob", "tovm", "waf-1");
        await host.StartAsync("bob");
        await host.PartiesBecome("bob", "guest", "tovm", "waf-1");
        // And a VM that comes later finds the guests that run.
        await host.KillAsync("waf-1");
        await host.PartiesBecome("bob", "guest", "tovm");
        await host.StartAsync("waf-1");
        await host.PartiesBecome("bob", "guest", "tovm", "waf-1");
    }

    [SkippableFact]
    public async Task A_killed_VM_is_gone_for_its_host_and_starts_again()
    {
        VmCollection.RequireQemu();
        await using var host = new VmHost();
        await host.StartNodeAsync();
        await host.StartAsync("alice");
        await host.PartiesBecome("alice", "guest");

        await host.KillAsync("alice");

        await host.Reaches("alice", "failed");
        Assert.Equal("ended by signal 9", (await host.ListedAsync("alice"))["message"]);
        await host.PartiesBecome("alice");
        await host.StartAsync("alice");
        await host.PartiesBecome("alice", "guest");
    }

    [SkippableFact]
    public async Task A_VM_that_does_not_stop_is_killed()
    {
        VmCollection.RequireQemu();
        await using var host = new VmHost("accelerator = tcg\nstop-limit = 100ms", obeys: false);
        await host.StartNodeAsync();
        await host.StartAsync("alice");
        await host.Reaches("alice", "ready");

        var (code, output, _) = await host.Vm("stop", "alice");

        Assert.Equal((0, "alice did not end in time and was killed\n"), (code, output));
        Assert.Equal("stopped", (await host.ListedAsync("alice"))["state"]);
    }

    [SkippableFact]
    public async Task A_host_node_takes_its_VMs_with_it()
    {
        VmCollection.RequireQemu();
        await using var host = new VmHost();
        await host.StartNodeAsync();
        await host.StartAsync("alice");
        await host.StartAsync("tovm");
        var processes = new[] { await host.ProcessOf("alice"), await host.ProcessOf("tovm") };

        await host.StopNodeAsync();

        Assert.All(processes, id => Assert.False(Directory.Exists($"/proc/{id}")));
    }

    [SkippableFact]
    public async Task A_killed_host_nodes_VMs_live_on_and_its_successor_serves_no_second_memory_beside_them()
    {
        VmCollection.RequireQemu();
        await using var host = new VmHost();
        await host.StartNodeAsync();
        await host.StartAsync("alice");
        var id = await host.ProcessOf("alice");

        await host.KillNodeAsync();

        var (code, _, errors) = await TosecProcess.RunAsync(["node", "-c", host["host.conf"]]);
        Assert.Equal(69, code);
        Assert.Contains($"still run, on memory that this one cannot serve (alice); end them first: kill {id}", errors, StringComparison.Ordinal);
        Assert.True(Directory.Exists($"/proc/{id}"));
        using (var left = System.Diagnostics.Process.GetProcessById(id))
            left.Kill();
        await Site.Until(() => Task.FromResult(!Directory.Exists($"/proc/{id}")), "the VM that was left ends");
        await host.StartNodeAsync();
        await host.StartAsync("alice");
    }

    [SkippableTheory]
    [InlineData("program = qemu-of-nobody", "alice does not start: setsid: failed to execute qemu-of-nobody: No such file or directory")]
    [InlineData("program = /bin/false", "alice does not start: (it said nothing)")]
    public async Task A_start_that_fails_says_why_in_QEMUs_own_words(string hypervisor, string message)
    {
        VmCollection.RequireQemu();
        await using var host = new VmHost("accelerator = tcg\n" + hypervisor);
        await host.StartNodeAsync();

        var (code, _, errors) = await host.Vm("start", "alice");

        Assert.Equal(1, code);
        Assert.Contains(message, errors, StringComparison.Ordinal);
        Assert.Equal("failed", (await host.ListedAsync("alice"))["state"]);
    }

    [SkippableFact]
    public async Task The_accelerator_is_the_one_under_which_the_kernel_has_booted()
    {
        VmCollection.RequireQemu();
        // The test's kernel says nothing that a booted one says, so KVM is not believed, whatever this machine has.
        await using var host = new VmHost("accelerator = auto\nprobe-limit = 1s");
        await host.StartNodeAsync();

        await host.StartAsync("alice");

        Assert.Equal("tcg", (await host.ListedAsync("alice"))["accelerator"]);
        await host.Node.SaysAsync("VMs are emulated (tcg)");
    }

    [SkippableFact]
    public async Task Names_that_are_none_are_refused()
    {
        VmCollection.RequireQemu();
        await using var host = new VmHost();
        await host.StartNodeAsync();

        Assert.Contains("there is no VM carol; VMs: tovm, waf-1, alice, bob", (await host.Vm("start", "carol")).Errors, StringComparison.Ordinal);
        Assert.Contains("alice does not run", (await host.Vm("stop", "alice")).Errors, StringComparison.Ordinal);
    }
}
