using Akka.Actor;
using Tosec.Actors.Agent;
using Tosec.Actors.Chains;
using Tosec.Actors.Host;
using Tosec.Actors.Inspection;
using Tosec.Actors.Svm;
using Tosec.Actors.Toe;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Attachment;

namespace Tosec.Actors.Vms;

/// <summary>Starts the actor of this node's VM (<c>/user/vm</c>) in one of the roles that attach to guests' memory.</summary>
public static class Vm
{
    public const string Name = "vm";

    /// <summary>The host: makes the guests' memory, and serves it to the nodes that may attach.</summary>
    public static IActorRef StartHost(ActorSystem system, string runDirectory, IReadOnlyList<HostedGuest> guests) =>
        system.ActorOf(Props.Create(() => new HostActor(runDirectory, guests)), Name);

    /// <summary>A TOVM: a TOE worker for each guest.</summary>
    public static IActorRef StartTovm(ActorSystem system, IReadOnlyList<ToeSettings> guests, Func<string, IGuestAttachment> attach,
        WorkerSettings worker) =>
        Start(system, [.. guests.Select(guest => new GuestService(guest.Guest, () => attach(guest.Guest),
            (attachment, dispatcher) => ToeWorkerActor.CreateProps(attachment, dispatcher, guest), worker))], guests.Count == 0 ? Policy.DenyAll : guests[0].Policy);

    /// <summary>An SVM: a worker for each guest, all with one network security system, which stays the caller's.</summary>
    public static IActorRef StartSvm(ActorSystem system, IReadOnlyList<string> guests, Func<string, IGuestAttachment> attach,
        WorkerSettings worker, INetworkSecuritySystem engine, IThreatSink threats, Policy? policy = null) =>
        Start(system, [.. guests.Select(guest => new GuestService(guest, () => attach(guest),
            (attachment, dispatcher) => SvmWorkerActor.CreateProps(attachment, dispatcher, engine, threats), worker))], policy);

    /// <summary>A guest's agent.</summary>
    public static IActorRef StartAgent(ActorSystem system, string guest, string agentSocket, UnixFileMode agentMode, Func<string, IGuestAttachment> attach,
        WorkerSettings worker) =>
        Start(system, [new GuestService(guest, () => attach(guest),
            (attachment, dispatcher) => AgentWorkerActor.CreateProps(attachment, dispatcher, agentSocket, agentMode), worker)], policy: null);

    private static IActorRef Start(ActorSystem system, IReadOnlyList<GuestService> guests, Policy? policy) =>
        system.ActorOf(Props.Create(() => new VmActor(guests, policy)), Name);
}
