using Akka.Actor;
using Tosec.Actors.Toe;
using Tosec.Actors.Vms;

namespace Tosec.Node.Hosting.Roles;

/// <summary>The TOVM's node: the TCP offload engine.</summary>
internal sealed class TovmRole : VmRole
{
    protected override IActorRef StartVm(NodeContext context)
    {
        var settings = context.Settings;
        var guests = settings.Tovm!.Guests.Select(name => settings.Host.Guests.TryGetValue(name, out var guest)
            ? new ToeSettings(name, guest.Tenant, guest.Addresses, settings.Policy)
            : throw new NodeStartException($"the TOVM serves guest {name}, but tosec.host.guests.{name} is not there to say its addresses")).ToArray();
        return Vm.StartTovm(context.System, guests,
            Attachments.Of(settings, GuestPlans.TovmParty, trusted: true), settings.Worker);
    }

    protected override void AddCommands(NodeContext context, IActorRef vm)
    {
        VmCommands.AddStreams(context.Commands, vm);
        VmCommands.AddChains(context.Commands, vm, context.Settings.Host);
        VmCommands.AddWorkers(context.Commands, vm);
        VmCommands.AddPools(context.Commands, vm);
        VmCommands.AddGuests(context.Commands, vm);
    }
}
