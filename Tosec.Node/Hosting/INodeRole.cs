using Akka.Actor;
using Serilog;
using Tosec.Actors.Commands;
using Tosec.Node.Configuration;

namespace Tosec.Node.Hosting;

/// <summary>What a node of one role does besides being a node. One instance for one run of a node.</summary>
public interface INodeRole
{
    /// <summary>
    /// Starts everything and adds the role's commands to <see cref="NodeContext.Commands"/>. Returns when the role serves.
    /// </summary>
    /// <exception cref="NodeStartException">Something that is needed is not there; the message is for the operator.</exception>
    Task StartAsync(NodeContext context);

    /// <summary>
    /// Ends everything and releases what <see cref="StartAsync"/> took. Called once, while the actor system still runs and the node
    /// is still a member; also after a start that failed half-way. Bounded by the shutdown phase's timeout.
    /// </summary>
    Task StopAsync();
}

/// <summary>What a role is given. Immutable; its members are thread safe.</summary>
public sealed record NodeContext
{
    public required NodeSettings Settings { get; init; }

    public required ActorSystem System { get; init; }

    /// <summary>The node's commands; a role adds its own.</summary>
    public required CommandTree Commands { get; init; }

    /// <summary>
    /// What <c>Tosec.Actors.Cluster.ClusterRegistry</c> started; null where the node joins no cluster. Send it
    /// <c>ClusterFactsProtocol.Announce</c> when what the node serves changes.
    /// </summary>
    public required IActorRef? ClusterRegistry { get; init; }

    public required ILogger Log { get; init; }

    /// <summary>Cancelled when the node begins to stop.</summary>
    public required CancellationToken Stopping { get; init; }

    /// <summary>Ends the node because it cannot go on; the reason is logged and the exit code is not 0. Any thread; returns at once.</summary>
    public required Action<string, Exception?> Fail { get; init; }
}

/// <summary>The node cannot start for a reason its operator can remove. The message says what and where.</summary>
public sealed class NodeStartException : Exception
{
    public NodeStartException(string message)
        : base(message)
    {
    }

    public NodeStartException(string message, Exception inner)
        : base(message, inner)
    {
    }
}
