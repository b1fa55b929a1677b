using Akka.Actor;
using Tosec.Actors.Commands;
using Tosec.Actors.Vms;
using Tosec.Node.VirtualMachines;

namespace Tosec.Node.Hosting.Roles;

/// <summary>The hypervisor's node: makes the guests' shared memory and serves it, and runs VMs.</summary>
internal sealed class HostRole : VmRole
{
    private VmSupervisor? _vms;

    protected override IActorRef StartVm(NodeContext context)
    {
        if (context.Settings.Host.Guests.Count == 0)
            throw new NodeStartException("a host node without guests has nothing to serve: name them in tosec.host.guests");
        var guests = GuestPlans.Of(context.Settings);
        _vms = new VmSupervisor(context.Settings, guests, context.Log);
        return Vm.StartHost(context.System, context.Settings.RunDirectory, guests);
    }

    protected override void AddCommands(NodeContext context, IActorRef vm)
    {
        VmCommands.AddGuests(context.Commands, vm);
        VmCommands.AddPools(context.Commands, vm);
        VirtualMachineCommands.AddTo(context.Commands, _vms!, vm);
        context.Commands.Add("svm", "list", "The SVMs of this host and the guests whose chains they are in", _ => CommandResult.Table(
            ["svm", "type", "guests"],
            context.Settings.Host.Svms.Values.Select(svm => new object?[]
            {
                svm.Name, svm.Type, context.Settings.Host.Guests.Values.Where(g => g.Svms.Contains(svm.Name)).Select(g => g.Name).ToArray(),
            })));
    }

    // Before the memory goes that they use.
    protected override Task StopFirstAsync() => _vms?.StopAllAsync() ?? Task.CompletedTask;
}
