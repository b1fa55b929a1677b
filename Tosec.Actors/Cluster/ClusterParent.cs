using Akka.Actor;

namespace Tosec.Actors.Cluster;

/// <summary>
/// Parent of what this node does in the cluster. A child that fails is restarted, because all of them rebuild their state from the
/// cluster's.
/// </summary>
internal sealed class ClusterParent : UntypedActor
{
    private static readonly TimeSpan _askAgain = TimeSpan.FromSeconds(2);
    private readonly IActorRef _registry;

    public ClusterParent(NodeAnnouncement own) =>
        _registry = Context.ActorOf(Props.Create(() => new ClusterFacts(own, _askAgain)), ClusterRegistry.Name);

    protected override void OnReceive(object message) => _registry.Forward(message);
}
