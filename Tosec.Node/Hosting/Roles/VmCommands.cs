using Akka.Actor;
using Tosec.Actors.Commands;
using Tosec.Actors.Streams;
using Tosec.Actors.Vms;

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
