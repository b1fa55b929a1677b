using System.Collections.Immutable;
using System.Net;
using Akka.Actor;
using Akka.Configuration;
using Tosec.Actors.Chains;
using Tosec.Actors.Inspection;
using Tosec.Actors.Streams;
using Tosec.Actors.Toe;
using Tosec.Actors.Vms;
using Tosec.Actors.Workers;
using Tosec.Tests.Actors.Workers;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Tests.Peer;

/// <summary>What a <see cref="TestSite"/> is made of.</summary>
internal sealed record TestSiteOptions
{
    /// <summary>One SVM each, in the order of the chain.</summary>
    public IReadOnlyList<INetworkSecuritySystem> Engines { get; init; } = [];

    public IReadOnlyList<string> Guests { get; init; } = ["alice"];

    /// <summary>Whether the guests have agents, which then hold their places on the links.</summary>
    public bool Agents { get; init; }

    /// <summary>Whether the guests have the IPv6 loopback address for one of their own, which makes it an ordinary one.</summary>
    public bool IPv6 { get; init; } = true;

    public FailurePolicy OnFailure { get; init; }
    public long HoldLimitBytes { get; init; } = 1 << 20;
    public TimeSpan HoldDeadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Rules to ask before the one that lets everything through the chain.</summary>
    public IReadOnlyList<PolicyRule> Rules { get; init; } = [];

    public GuestGeometry Geometry { get; init; } = new()
    {
        Channels = 3,
        Streams = 64,
        SendSmall = 64,
        SendLarge = 16,
        SealedSmall = 128,
        SealedLarge = 32,
        ReceiveSmall = 128,
        ReceiveLarge = 32,
    };
}

/// <summary>
/// A host in this process: real shared memory, real lanes, worker threads and kernel sockets; each VM in an actor system of its own.
/// Its disposal fails if a buffer or a slot is not back.
/// </summary>
internal sealed class TestSite : IDisposable
{
    public const string TovmParty = "tovm";
    private static readonly Config _config = WorkerHarness.ReferenceConfig();
    private readonly TemporaryDirectory _directory = new();
    private readonly SlotServerThread _thread = new();
    private readonly Dictionary<string, GuestLinks> _links = [];
    private readonly Dictionary<string, TestGuest> _guests = [];
    private readonly Dictionary<string, TestVm> _vms = [];
    private readonly TestSiteOptions _options;
    private readonly Policy _policy;

    public TestSite(TestSiteOptions options)
    {
        _options = options;
        var parties = new List<PartyIdentity> { new(Party.Guest, "guest", "guest"), new(Party.Tovm, TovmParty, "tovm") };
        parties.AddRange(options.Engines.Select((e, i) => new PartyIdentity(Party.FirstSvm + i, $"svm-{i}", e.Type)));
        foreach (var (guest, i) in options.Guests.Select((g, i) => (g, i)))
        {
            var links = new GuestLinks(_directory.Path, new GuestIdentity(guest, i + 1, 7), options.Geometry, parties);
            links.Serve(_thread);
            _links.Add(guest, links);
        }

        _policy = new Policy([.. options.Rules, new PolicyRule { Chain = "chain" },], [new ChainDefinition
        {
            Name = "chain",
            SvmTypes = [.. options.Engines.Select(e => e.Type)],
            OnFailure = options.OnFailure,
            HoldLimitBytes = options.HoldLimitBytes,
            HoldDeadline = options.HoldDeadline,
        }]);
        for (var i = 0; i < options.Engines.Count; i++)
            StartSvm(i);
        StartTovm();
        foreach (var guest in options.Guests)
        {
            if (options.Agents)
                StartAgent(guest);
            _guests.Add(guest, new TestGuest(this, guest, options.Agents ? Attachment("agent-" + guest, guest) : null));
        }
    }

    public TestThreats Threats { get; } = new();

    /// <summary>Set by a test that leaves something behind on purpose.</summary>
    public bool MayLeak { get; set; }

    public TestGuest Guest => _guests[_options.Guests[0]];

    public static WorkerSettings Worker { get; } = WorkerHarness.DefaultSettings with { TickInterval = TimeSpan.FromMilliseconds(10) };

    public TestGuest GuestOf(string name) => _guests[name];

    /// <summary>The host's view of a guest's memory.</summary>
    public GuestMemory Memory(string? guest = null) => _links[guest ?? _options.Guests[0]].Memory;

    /// <summary>Addresses of the guests: each has its own of 127.0.0.0/8, and the one IPv6 loopback.</summary>
    public IPAddress AddressOf(string? guest = null) =>
        IPAddress.Parse($"127.0.77.{_options.Guests.ToList().IndexOf(guest ?? _options.Guests[0]) + 1}");

    public string AgentSocket(string guest) => _directory[$"{guest}.agent"];

    public void StartTovm() => Start("tovm", (system, attach) => Vm.StartTovm(system,
        [.. _options.Guests.Select(g => new ToeSettings(g, "tenant", _options.IPv6 ? [AddressOf(g), IPAddress.IPv6Loopback] : [AddressOf(g)], _policy))],
        guest => attach(guest, () => ProcessAttachment.Connect(_directory.Path, guest, TovmParty, trusted: true)), Worker),
        Party.Tovm);

    public void StartSvm(int index) => Start($"svm-{index}", (system, attach) => Vm.StartSvm(system, _options.Guests,
        guest => attach(guest, () => ProcessAttachment.Connect(_directory.Path, guest, $"svm-{index}", trusted: true)), Worker,
        _options.Engines[index], Threats), Party.FirstSvm + index);

    public void StopTovm() => Stop("tovm");

    public void StopSvm(int index) => Stop($"svm-{index}");

    /// <summary>Attaches in the place of the guest's own node.</summary>
    public ProcessAttachment AttachGuest(string guest) => ProcessAttachment.Connect(_directory.Path, guest, "guest", trusted: false);

    /// <summary>Report of a VM's worker.</summary>
    public WorkerReport Report(string vm, string? guest = null) =>
        WorkerHarness.Ask<WorkerReport[]>(_vms[vm].Actor, new VmProtocol.ListWorkers()).Single(r => r.Guest == (guest ?? _options.Guests[0]));

    public StreamReport[] Streams(string vm) => WorkerHarness.Ask<StreamReport[]>(_vms[vm].Actor, new VmProtocol.ListStreams());

    public ActorSystem System(string vm) => _vms[vm].System;

    public IActorRef WorkerActor(string vm, string? guest = null) => _vms[vm].System
        .ActorSelection($"/user/{Vm.Name}/guest-{guest ?? _options.Guests[0]}/worker-0").ResolveOne(WorkerHarness.HangGuard).GetAwaiter().GetResult();

    /// <summary>The thread of a VM's worker.</summary>
    public WorkerLoop Loop(string vm, string? guest = null) =>
        ((WorkerDispatcher)WorkerDispatcher.CellOf(WorkerActor(vm, guest))!.Dispatcher).Loop;

    /// <summary>The attachment that a VM has made last.</summary>
    public ProcessAttachment Attachment(string vm, string? guest = null) => _vms[vm].Attachments[guest ?? _options.Guests[0]];

    /// <summary>Buffers of a pool that somebody owns, by party.</summary>
    public static Dictionary<int, int> InUse(SharedPool pool)
    {
        var owners = new Dictionary<int, int>();
        for (var i = 0; i < pool.Count; i++)
        {
            var owner = pool.Owner(i);
            if (!owner.Free)
                owners[owner.Party] = owners.GetValueOrDefault(owner.Party) + 1;
        }

        return owners;
    }

    /// <summary>Waits until every buffer is free and every slot closed.</summary>
    public void AwaitClean(string guest)
    {
        var memory = Memory(guest);
        try
        {
            WorkerHarness.Until(() => InUse(memory.SealedPool).Count == 0 && InUse(memory.ReceivePool).Count == 0 && OpenSlots(memory).Length == 0);
        }
        catch (TimeoutException)
        {
            Assert.Fail($"{guest} leaks: sealed {Text(memory.SealedPool)}, receive {Text(memory.ReceivePool)}, slots {string.Join(" ", OpenSlots(memory))}");
        }

        static string Text(SharedPool pool) => string.Join(", ", InUse(pool).Select(o => $"party {o.Key}: {o.Value}"));
    }

    public void Dispose()
    {
        try
        {
            foreach (var guest in _guests.Values)
                guest.CloseAll();
            if (!MayLeak)
            {
                foreach (var guest in _guests.Keys)
                    AwaitClean(guest);
            }
        }
        finally
        {
            foreach (var name in _vms.Keys.Where(n => n.StartsWith("agent", StringComparison.Ordinal)).ToArray())
                Stop(name);
            foreach (var guest in _guests.Values)
                guest.Dispose();
            foreach (var name in _vms.Keys.ToArray())
                Stop(name);
            _thread.Dispose();
            foreach (var links in _links.Values)
                links.Dispose();
            _directory.Dispose();
        }
    }

    private static string[] OpenSlots(GuestMemory memory) => [.. Enumerable.Range(0, memory.Geometry.Streams)
        .Where(s => Volatile.Read(ref memory.State(s).ConnectionId) != 0).Select(s => $"{s} ({(StreamStatus)memory.State(s).Status})")];

    private void StartAgent(string guest) => Start($"agent-{guest}", (system, attach) => Vm.StartAgent(system, guest, AgentSocket(guest),
        UnixFileMode.UserRead | UnixFileMode.UserWrite,
        name => attach(name, () => ProcessAttachment.Connect(_directory.Path, name, "guest", trusted: false)), Worker), Party.Guest);

    private void Start(string name, Func<ActorSystem, Func<string, Func<ProcessAttachment>, ProcessAttachment>, IActorRef> start, int party)
    {
        var vm = new TestVm(ActorSystem.Create(name, _config));
        vm.Actor = start(vm.System, (guest, connect) =>
        {
            var attachment = connect();
            vm.Attachments[guest] = attachment;
            return attachment;
        });
        _vms.Add(name, vm);
        var guests = party == Party.Guest ? [name["agent-".Length..]] : _options.Guests;
        foreach (var memory in guests.Select(g => _links[g].Memory))
            WorkerHarness.Until(() => Volatile.Read(ref memory.CoreParty(party).Incarnation) != 0);
        if (party == Party.Guest)
            WorkerHarness.Until(() => File.Exists(AgentSocket(guests[0])));
    }

    private void Stop(string name)
    {
        if (!_vms.Remove(name, out var vm))
            return;
        WorkerHarness.Wait(vm.Actor.GracefulStop(WorkerHarness.HangGuard, new VmProtocol.Stop()));
        Assert.True(vm.System.Terminate().Wait(WorkerHarness.HangGuard), $"{name} did not end");
    }

    private sealed class TestVm(ActorSystem system)
    {
        public ActorSystem System { get; } = system;

        public IActorRef Actor { get; set; } = ActorRefs.Nobody;

        public System.Collections.Concurrent.ConcurrentDictionary<string, ProcessAttachment> Attachments { get; } = new();
    }
}
