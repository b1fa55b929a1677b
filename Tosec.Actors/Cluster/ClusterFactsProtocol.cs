using System.Collections.Immutable;
using Akka.Actor;

namespace Tosec.Actors.Cluster;

/// <summary>What <c>/user/cluster/registry</c> understands besides the messages that travel. Local only.</summary>
public static class ClusterFactsProtocol
{
    public interface ICommand : INoSerializationVerificationNeeded;

    /// <summary>Answered by <see cref="Members"/>.</summary>
    public sealed record ListMembers : ICommand;

    /// <summary>This node's facts have changed: tells all members.</summary>
    public sealed record Announce(NodeAnnouncement Announcement) : ICommand;

    /// <summary>The members by address; this node is among them unless it has left or was removed.</summary>
    /// <param name="Self">This node's address.</param>
    /// <param name="IsMember">False before the node has joined and after it was removed.</param>
    /// <param name="All">Every member that gossip tells of.</param>
    public sealed record Members(Address Self, bool IsMember, ImmutableArray<MemberFacts> All) : INoSerializationVerificationNeeded;

    /// <param name="Address">Unique while the member lives.</param>
    /// <param name="Roles">Akka roles.</param>
    /// <param name="Status">Akka's word in lower case: joining, up, leaving, exiting, down.</param>
    /// <param name="IsReachable">What the failure detectors say.</param>
    /// <param name="Announcement">Null until the member has told.</param>
    public sealed record MemberFacts(
        Address Address, ImmutableArray<string> Roles, string Status, bool IsReachable, NodeAnnouncement? Announcement);
}
