using Akka.Actor;
using Tosec.Actors.Vms;

namespace Tosec.Node.Hosting.Roles;

/// <summary>A guest VM's node: the agent that its applications attach by.</summary>
internal sealed class GuestRole : VmRole
{
    protected override IActorRef StartVm(NodeContext context)
    {
        var guest = context.Settings.Guest!;
        // Passable, not listable: what lies inside has permissions of its own.
        Directory.CreateDirectory(Path.GetDirectoryName(guest.AgentSocket)!, NodeHost.RunDirectoryMode);
        return Vm.StartAgent(context.System, guest.Guest, guest.AgentSocket, guest.AgentMode,
            Attachments.Of(context.Settings, GuestPlans.GuestParty, trusted: false), context.Settings.Worker);
    }

    protected override void AddCommands(NodeContext context, IActorRef vm)
    {
        VmCommands.AddWorkers(context.Commands, vm);
        VmCommands.AddGuests(context.Commands, vm);
    }
}
