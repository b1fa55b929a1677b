using Akka.Actor;
using Tosec.Actors.Vms;
using Tosec.Transport.Shm.Attachment;

namespace Tosec.Node.Hosting.Roles;

/// <summary>A guest VM's node: the agent that its applications attach by.</summary>
internal sealed class GuestRole : VmRole
{
    protected override IActorRef StartVm(NodeContext context)
    {
        var guest = context.Settings.Guest!;
        Directory.CreateDirectory(Path.GetDirectoryName(guest.AgentSocket)!);
        return Vm.StartAgent(context.System, guest.Guest, guest.AgentSocket,
            name => ProcessAttachment.Connect(context.Settings.RunDirectory, name, GuestPlans.GuestParty, trusted: false), context.Settings.Worker);
    }

    protected override void AddCommands(NodeContext context, IActorRef vm)
    {
        VmCommands.AddWorkers(context.Commands, vm);
        VmCommands.AddGuests(context.Commands, vm);
    }
}
