using Akka.Actor;
using Tosec.Actors.Commands;
using Tosec.Actors.Vms;
using Tosec.Node.VirtualMachines;

namespace Tosec.Node.Hosting.Roles;

/// <summary>The host node's commands about its VMs.</summary>
internal static class VirtualMachineCommands
{
    public static void AddTo(CommandTree tree, VmSupervisor vms, IActorRef host)
    {
        tree.Add("vm", "list", "The VMs of this host", _ => CommandResult.Table(
            ["vm", "role", "process", "state", "accelerator", "uptime [s]", "log", "message"],
            vms.List().Select(vm => new object?[]
            {
                vm.Name, vm.Role, vm.Process, vm.State.ToString().ToLowerInvariant(), vm.Accelerator,
                vm.Uptime is { } time ? TimeSpan.FromSeconds(Math.Round(time.TotalSeconds)) : null, vm.ConsoleLog, vm.Message,
            })));
        tree.Add("vm", "start", "Starts a VM, and gives those that serve it its memory", async (call, cancellation) =>
        {
            // Answers when the sockets are there that QEMU connects to.
            await host.Ask<GuestReport[]>(new VmProtocol.ListGuests(), cancellation).ConfigureAwait(false);
            var vm = await vms.StartAsync(call["name"]).ConfigureAwait(false);
            return CommandResult.FromText($"{vm.Name} runs as process {vm.Process} by {vm.Accelerator}; it says what it does in {vm.ConsoleLog}");
        }, CommandArgument.Positional("name", "which"));
        tree.Add("vm", "stop", "Presses a VM's power button, and kills it if it does not end", async (call, _) =>
            CommandResult.FromText(await vms.StopAsync(call["name"]).ConfigureAwait(false)
                ? $"{call["name"]} has ended" : $"{call["name"]} did not end in time and was killed"),
            CommandArgument.Positional("name", "which"));
    }
}
