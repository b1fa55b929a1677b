using Akka.Actor;
using Akka.Cluster;
using Akka.Event;
using static Tosec.Actors.Cluster.ClusterFactsProtocol;

namespace Tosec.Actors.Cluster;

/// <summary>
/// Knows what each member of the cluster says of itself. Announces this node to every member that comes up, and asks again those
/// that have not told (a message between nodes can be lost).
/// </summary>
internal sealed class ClusterFacts : ReceiveActor, IWithTimers
{
    private readonly Akka.Cluster.Cluster _cluster = Akka.Cluster.Cluster.Get(Context.System);
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private readonly Dictionary<UniqueAddress, NodeAnnouncement> _told = [];
    private NodeAnnouncement _own;

    public ClusterFacts(NodeAnnouncement own, TimeSpan askAgain)
    {
        _own = own;
        Receive<ClusterEvent.MemberUp>(e => Greet(e.Member));
        Receive<ClusterEvent.MemberRemoved>(e => OnRemoved(e.Member, e.PreviousStatus));
        Receive<ClusterEvent.IMemberEvent>(static _ => { });
        Receive<NodeAnnouncement>(OnTold);
        Receive<AnnouncementRequest>(_ => Sender.Tell(_own));
        Receive<AskAgain>(_ => AskSilentMembers());
        Receive<Announce>(OnAnnounce);
        Receive<ListMembers>(_ => Sender.Tell(List()));
        Timers!.StartPeriodicTimer(AskAgain.Instance, AskAgain.Instance, askAgain);
    }

    public ITimerScheduler Timers { get; set; } = null!;

    private IEnumerable<Member> Others => _cluster.State.Members.Where(member => member.UniqueAddress != _cluster.SelfUniqueAddress);

    protected override void PreStart() =>
        _cluster.Subscribe(
            Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.IMemberEvent));

    protected override void PostStop() => _cluster.Unsubscribe(Self);

    private static ActorSelection RegistryOf(Address address) =>
        Context.ActorSelection(new RootActorPath(address) / "user" / ClusterRegistry.ParentName / ClusterRegistry.Name);

    private void Greet(Member member)
    {
        if (member.UniqueAddress != _cluster.SelfUniqueAddress)
            RegistryOf(member.Address).Tell(_own);
    }

    private void OnTold(NodeAnnouncement announcement)
    {
        // Only members are believed, and each only about itself.
        var address = Sender.Path.Address;
        if (_cluster.State.Members.FirstOrDefault(member => member.Address == address) is not { } member)
        {
            _log.Warning("{Address} announces itself as {Name} and is no member", address, announcement.Name);
            return;
        }

        if (!_told.TryGetValue(member.UniqueAddress, out var before) || before.Name != announcement.Name)
            _log.Info("member {Address} is {Name}, role {Role}", address, announcement.Name, announcement.Role);
        _told[member.UniqueAddress] = announcement;
    }

    private void OnRemoved(Member member, MemberStatus before)
    {
        if (_told.Remove(member.UniqueAddress, out var told))
            _log.Info("member {Address} ({Name}) is gone", member.Address, told.Name);
        if (member.UniqueAddress == _cluster.SelfUniqueAddress && before == MemberStatus.Down)
            _log.Warning("this node was removed from the cluster; it goes on under its last policy until it is restarted");
    }

    private void OnAnnounce(Announce command)
    {
        _own = command.Announcement;
        foreach (var member in Others.Where(member => member.Status == MemberStatus.Up))
            Greet(member);
    }

    private void AskSilentMembers()
    {
        foreach (var member in Others.Where(m => m.Status == MemberStatus.Up && !_told.ContainsKey(m.UniqueAddress)))
            RegistryOf(member.Address).Tell(AnnouncementRequest.Instance);
    }

    private Members List()
    {
        var state = _cluster.State;
        var unreachable = state.Unreachable.Select(member => member.UniqueAddress).ToHashSet();
        return new Members(
            _cluster.SelfAddress,
            state.Members.Any(member => member.UniqueAddress == _cluster.SelfUniqueAddress),
            [.. state.Members.OrderBy(member => member.Address).Select(member => new MemberFacts(
                member.Address,
                [.. member.Roles.Order(StringComparer.Ordinal)],
                member.Status.ToString().ToLowerInvariant(),
                !unreachable.Contains(member.UniqueAddress),
                member.UniqueAddress == _cluster.SelfUniqueAddress ? _own : _told.GetValueOrDefault(member.UniqueAddress)))]);
    }

    private sealed record AskAgain : INoSerializationVerificationNeeded
    {
        public static AskAgain Instance { get; } = new();
    }
}
