using Akka.Actor;
using Tosec.Actors.Commands;
using Tosec.Actors.Vms;

namespace Tosec.Node.Hosting.Roles;

/// <summary>The hypervisor's node: makes the guests' shared memory and serves it.</summary>
internal sealed class HostRole : VmRole
{
    protected override IActorRef StartVm(NodeContext context)
    {
        if (context.Settings.Host.Guests.Count == 0)
            throw new NodeStartException("a host node without guests has nothing to serve: name them in tosec.host.guests");
        return Vm.StartHost(context.System, context.Settings.RunDirectory, GuestPlans.Of(context.Settings));
    }

    protected override void AddCommands(NodeContext context, IActorRef vm)
    {
        VmCommands.AddGuests(context.Commands, vm);
        VmCommands.AddPools(context.Commands, vm);
        context.Commands.Add("svm", "list", "The SVMs of this host and the guests whose chains they are in", _ => CommandResult.Table(
            ["svm", "type", "guests"],
            context.Settings.Host.Svms.Values.Select(svm => new object?[]
            {
                svm.Name, svm.Type, context.Settings.Host.Guests.Values.Where(g => g.Svms.Contains(svm.Name)).Select(g => g.Name).ToArray(),
            })));
    }
}
