using Akka.Actor;

namespace Tosec.Actors.Cluster;

/// <summary>Starts <c>/user/cluster</c> and below it the registry, which knows what each member says of itself.</summary>
public static class ClusterRegistry
{
    internal const string ParentName = "cluster";
    internal const string Name = "registry";

    /// <summary>
    /// To be called before the node joins, so that whoever sees this node up finds its registry. Messages of
    /// <see cref="ClusterFactsProtocol"/> can be sent to the returned actor.
    /// </summary>
    public static IActorRef Start(ActorSystem system, NodeAnnouncement own) =>
        system.ActorOf(Props.Create(() => new ClusterParent(own)), ParentName);
}
