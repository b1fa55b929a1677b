using Akka.Actor;
using Tosec.Actors.Chains;
using Tosec.Actors.Streams;

namespace Tosec.Actors.Vms;

/// <summary>
/// This node's VM, <c>/user/vm</c>: parent of a <see cref="GuestActor"/> for each guest it serves. Asks them for what listings want.
/// </summary>
internal sealed class VmActor : UntypedActor
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    private readonly IActorRef? _chains;
    private bool _stopping;

    public VmActor(IReadOnlyList<GuestService> guests, Policy? policy)
    {
        if (policy is not null)
            _chains = Context.Watch(Context.ActorOf(ChainsActor.CreateProps(policy), "chains"));
        foreach (var guest in guests)
            Context.Watch(Context.ActorOf(Props.Create(() => new GuestActor(guest)), $"guest-{guest.Guest}"));
    }

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case VmProtocol.ListStreams:
                Gather<StreamReport[], StreamReport>(message, reports => reports);
                break;
            case VmProtocol.ListWorkers:
                Gather<WorkerReport, WorkerReport>(message, report => [report]);
                break;
            case VmProtocol.ListPools:
                Gather<PoolReport[], PoolReport>(message, reports => reports);
                break;
            case VmProtocol.ListGuests:
                Gather<GuestReport, GuestReport>(message, report => [report]);
                break;
            case ChainsProtocol.ListChains or ChainsProtocol.Route when _chains is not null:
                _chains.Forward(message);
                break;
            case VmProtocol.Stop:
                _stopping = true;
                foreach (var child in Context.GetChildren())
                    child.Tell(message);
                StopIfAlone();
                break;
            case Terminated:
                StopIfAlone();
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    private void StopIfAlone()
    {
        if (_stopping && !Context.GetChildren().Any())
            Context.Stop(Self);
    }

    // A guest that is not attached has nothing to show; the others are shown all the same.
    private void Gather<TAnswer, TReport>(object question, Func<TAnswer, IEnumerable<TReport>> reports)
    {
        var asked = Context.GetChildren().Where(child => !child.Equals(_chains)).Select(guest => Ask<TAnswer>(guest, question)).ToArray();
        Task.WhenAll(asked)
            .ContinueWith(answers => answers.Result.OfType<TAnswer>().SelectMany(reports).ToArray(), TaskContinuationOptions.ExecuteSynchronously)
            .PipeTo(Sender);
    }

    private static async Task<object?> Ask<TAnswer>(IActorRef guest, object question)
    {
        try
        {
            return await guest.Ask<TAnswer>(question, _patience).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is InvalidOperationException or AskTimeoutException)
        {
            return null;
        }
    }
}
