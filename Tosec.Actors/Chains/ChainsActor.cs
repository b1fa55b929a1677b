using Akka.Actor;
using Tosec.Actors.Inspection;
using Tosec.Actors.Streams;
using Tosec.Actors.Vms;

namespace Tosec.Actors.Chains;

/// <summary>
/// The chains of this VM, <c>/user/vm/chains</c>: the policy in force, what it says of a connection, and what passes each chain. The
/// stream tables themselves stay with the workers, because a payload's next hop may not cost a message.
/// </summary>
internal sealed class ChainsActor(Policy policy) : UntypedActor
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(8);

    public static Props CreateProps(Policy policy) => Props.Create(() => new ChainsActor(policy));

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case ChainsProtocol.ListChains:
                Context.Parent.Ask<StreamReport[]>(new VmProtocol.ListStreams(), _patience)
                    .PipeTo(Sender, Self, success: Count);
                break;
            case ChainsProtocol.Route route:
                Sender.Tell(route.Initiator == StreamDirection.Outgoing
                    ? policy.DecideOutgoing(route.Guest, route.Tenant, route.Peer)
                    : policy.DecideIncoming(route.Guest, route.Tenant, route.Peer.Address, route.Peer.Port));
                break;
            case VmProtocol.Stop:
                Context.Stop(Self);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    // Runs outside of the actor, on what does not change.
    private ChainReport[] Count(StreamReport[] streams)
    {
        var byChain = streams.ToLookup(stream => stream.Chain);
        return [.. policy.Chains.Values.Select(chain => new ChainReport(
            chain,
            byChain[chain.Name].Count(),
            byChain[chain.Name].Sum(stream => stream.OutgoingBytes),
            byChain[chain.Name].Sum(stream => stream.IncomingBytes),
            byChain[chain.Name].Sum(stream => stream.HeldBytes)))];
    }
}
