using System.Net;
using Akka.Actor;
using Tosec.Actors.Chains;
using Tosec.Actors.Commands;
using Tosec.Actors.Inspection;
using Tosec.Actors.Streams;
using Tosec.Actors.Vms;
using Tosec.Node.Configuration;

namespace Tosec.Node.Hosting.Roles;

/// <summary>Listings of what a VM actor knows.</summary>
internal static class VmCommands
{
    private static readonly CommandArgument _guest = CommandArgument.Option("guest", "only this guest's", "-g");

    public static void AddStreams(CommandTree tree, IActorRef vm) =>
        tree.Add("stream", "list", "The connections that pass this VM, each with its two streams", async (call, cancellation) =>
        {
            var streams = await vm.Ask<StreamReport[]>(new VmProtocol.ListStreams(), cancellation).ConfigureAwait(false);
            return CommandResult.Table(
                ["connection", "guest", "guest side", "peer", "opened by", "state", "chain", "path", "out [bytes]", "in [bytes]", "held [bytes]"],
                Only(call, streams, s => s.Guest).OrderBy(s => s.ConnectionId).Select(s => new object?[]
                {
                    $"{s.ConnectionId:x}", s.Guest, s.GuestEndPoint, s.PeerEndPoint, s.Initiator, s.State, s.Chain, s.Path,
                    s.OutgoingBytes, s.IncomingBytes, s.HeldBytes,
                }));
        }, _guest);

    public static void AddChains(CommandTree tree, IActorRef vm, HostSettings host)
    {
        tree.Add("chain", "list", "The chains, and what passes each of them at this VM", async (_, cancellation) =>
        {
            var chains = await vm.Ask<ChainReport[]>(new ChainsProtocol.ListChains(), cancellation).ConfigureAwait(false);
            return CommandResult.Table(
                ["chain", "svms", "connections", "out [bytes]", "in [bytes]", "held [bytes]"],
                chains.Select(c => new object?[] { c.Chain.Name, c.Chain.SvmTypes, c.Connections, c.OutgoingBytes, c.IncomingBytes, c.HeldBytes }));
        });
        tree.Add("chain", "route", "What the policy says of a connection", async (call, cancellation) =>
        {
            if (!IPEndPoint.TryParse(call["peer"], out var peer))
                throw new CommandException($"{call["peer"]} is no address and port, as 10.0.0.1:80 or [fd00::1]:80");
            if (!host.Guests.TryGetValue(call["guest"], out var guest))
                throw new CommandException($"there is no guest {call["guest"]}; guests: {string.Join(", ", host.Guests.Keys)}");
            var initiator = call["direction"] switch
            {
                "outgoing" => StreamDirection.Outgoing,
                "incoming" => StreamDirection.Incoming,
                var other => throw new CommandException($"{other} is no direction; allowed: outgoing, incoming"),
            };
            if (initiator == StreamDirection.Outgoing && LoopbackAddresses.StayWithin(peer.Address, guest.Addresses))
                return CommandResult.FromText("stays within the guest: its loopback");
            var decision = await vm.Ask<PolicyDecision>(new ChainsProtocol.Route(guest.Name, guest.Tenant, initiator, peer), cancellation).ConfigureAwait(false);
            return CommandResult.FromText(decision.ToString());
        },
            CommandArgument.Positional("guest", "whose connection"),
            CommandArgument.Positional("direction", "outgoing or incoming"),
            CommandArgument.Positional("peer", "outgoing: where to; incoming: the peer's address and the guest's port"));
    }

    public static void AddWorkers(CommandTree tree, IActorRef vm) =>
        tree.Add("worker", "list", "The dedicated threads of this VM and what they have done", async (call, cancellation) =>
        {
            var workers = await vm.Ask<WorkerReport[]>(new VmProtocol.ListWorkers(), cancellation).ConfigureAwait(false);
            return CommandResult.Table(
                ["worker", "guest", "streams", "from guest", "from parties", "to parties", "sealed [bytes]", "payload [bytes]", "held",
                    "alerts", "blocks", "denied", "resets", "violations", "wakes sent", "wakes saved", "stalls", "loop blocks", "processes"],
                Only(call, workers, w => w.Guest).Select(w => new object?[]
                {
                    w.Worker, w.Guest, w.Streams, w.FromGuest, w.FromParties, w.ToParties, w.SealedBytes, w.Bytes, w.Held, w.Alerts,
                    w.Blocks, w.Denied, w.Resets, w.Violations, w.WakesSent, w.WakesSuppressed, w.Stalls, w.Loop?.Blocks, w.Processes,
                }));
        }, _guest);

    public static void AddPools(CommandTree tree, IActorRef vm) =>
        tree.Add("pool", "show", "The buffers of each guest's pools, and who owns them", async (call, cancellation) =>
        {
            var pools = await vm.Ask<PoolReport[]>(new VmProtocol.ListPools(), cancellation).ConfigureAwait(false);
            return CommandResult.Table(
                ["guest", "pool", "class", "buffers", "in use", "owners"],
                Only(call, pools, p => p.Guest).Select(p => new object?[]
                {
                    p.Guest, p.Pool, p.Class, p.Buffers, p.InUse, string.Join(", ", p.ByOwner.Select(o => $"{o.Key} {o.Value}")),
                }));
        }, _guest);

    public static void AddGuests(CommandTree tree, IActorRef vm) =>
        tree.Add("guest", "list", "The guests of this VM and who is attached to their memory", async (_, cancellation) =>
        {
            var guests = await vm.Ask<GuestReport[]>(new VmProtocol.ListGuests(), cancellation).ConfigureAwait(false);
            return CommandResult.Table(
                ["guest", "state", "parties", "memory [bytes]"],
                guests.Select(g => new object?[] { g.Guest, g.State, g.Parties, g.MemoryBytes }));
        });

    private static IEnumerable<T> Only<T>(CommandCall call, IEnumerable<T> reports, Func<T, string> guest) =>
        call.Find("guest") is { } name ? reports.Where(r => guest(r) == name) : reports;
}
