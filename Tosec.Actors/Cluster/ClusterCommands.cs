using Akka.Actor;
using Tosec.Actors.Commands;
using static Tosec.Actors.Cluster.ClusterFactsProtocol;

namespace Tosec.Actors.Cluster;

/// <summary>Commands about the cluster.</summary>
public static class ClusterCommands
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    /// <summary>Adds <c>cluster show</c>.</summary>
    /// <param name="tree">Where to add it.</param>
    /// <param name="registry">What <see cref="ClusterRegistry.Start"/> returned; null where the node joins no cluster.</param>
    public static void AddTo(CommandTree tree, IActorRef? registry) =>
        tree.Add("cluster", "show", "The members of the cluster as this node sees them", (_, cancellation) => ShowAsync(registry, cancellation));

    private static async Task<CommandResult> ShowAsync(IActorRef? registry, CancellationToken cancellation)
    {
        if (registry is null)
            return CommandResult.Failed("this node joins no cluster (tosec.cluster.join)");
        var members = await registry.Ask<Members>(new ListMembers(), _patience, cancellation).ConfigureAwait(false);
        return CommandResult.Table(
            ["address", "name", "roles", "status", "reachable", "host", "svm type", "guests", "self"],
            members.All.Select(member => new object?[]
            {
                member.Address.ToString(), member.Announcement?.Name, member.Roles, member.Status, member.IsReachable,
                member.Announcement?.HostNumber, member.Announcement is { SvmType.Length: > 0 } svm ? svm.SvmType : null,
                member.Announcement?.Guests, member.Address.Equals(members.Self),
            }));
    }
}
