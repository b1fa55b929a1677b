using Akka.Actor;
using Akka.Event;
using Tosec.Actors.Lanes;
using Tosec.Actors.Streams;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Attachment;

namespace Tosec.Actors.Toe;

/// <summary>A working thread of the TOE, dedicated to one guest (paper section 3): parent of that guest's socket actors.</summary>
internal sealed class ToeWorkerActor : UntypedActor
{
    private readonly ToeContext _toe;
    private readonly ToeWorker _worker;

    public ToeWorkerActor(IGuestAttachment attachment, WorkerDispatcher dispatcher, ToeSettings settings)
    {
        var relay = new SinkRelay();
        var port = new TrustedPort(attachment, relay);
        _toe = new ToeContext(port, new ChannelIntake(attachment.Memory, port.Self), settings, dispatcher);
        _worker = new ToeWorker(_toe, (ActorCell)Context);
        _toe.Worker = _worker;
        relay.Target = _worker;
        foreach (var bell in attachment.Doorbells)
            dispatcher.Loop.Register(new DoorbellSource(bell), DoorbellSource.Events);
        dispatcher.Loop.AddPoller(port);
        dispatcher.Loop.AddPoller(_worker);
        dispatcher.Loop.AddTicker(_worker);
        port.Announce();
    }

    public static Props CreateProps(IGuestAttachment attachment, WorkerDispatcher dispatcher, ToeSettings settings) =>
        Props.Create(() => new ToeWorkerActor(attachment, dispatcher, settings)).OnWorker(dispatcher);

    // A socket whose code fails has lost its place in its streams: it ends, the guest's other sockets go on.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(failure =>
    {
        Context.GetLogger().Error(failure, "a socket of {0} failed and is reset", _toe.Settings.Guest);
        return Directive.Stop;
    });

    protected override void PreStart() =>
        Context.ActorOf(Props.Create(() => new LostMessages(OnLost)).OnWorker(_toe.Dispatcher), LostMessages.Name);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case ToeProtocol.Ended ended:
                ended.Socket.OnStopped();
                break;
            case StreamProtocol.List:
                Sender.Tell(_worker.All().Select(s => s.Report()).OfType<StreamReport>().ToArray());
                break;
            case WorkerProtocol.GetReport:
                Sender.Tell(Report());
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void PostStop()
    {
        // The streams have said their last words, and those who sleep are not woken by a poll of ours any more.
        _toe.Port.FlushRings();
        _toe.Port.Withdraw();
        _toe.Dispatcher.Loop.RemovePoller(_toe.Port);
        _toe.Dispatcher.Loop.RemovePoller(_worker);
        _toe.Dispatcher.Loop.RemoveTicker(_worker);
        _toe.Loopback.Dispose();
    }

    // What was on its way to a socket that failed or stopped.
    private void OnLost(object message)
    {
        if (message is DescriptorRun run && _worker.Made(run))
            _worker.Reclaim(run);
        else if (message is RpcCall call && _worker.Made(call))
            call.Answer(-Errno.EBADF);
    }

    private WorkerReport Report() => new()
    {
        Worker = _toe.Dispatcher.Loop.Name,
        Guest = _toe.Settings.Guest,
        Streams = _worker.Sockets,
        FromGuest = _toe.Port.Counters.FromChannels,
        FromParties = _toe.Port.Counters.FromParties,
        ToParties = _toe.Port.Counters.ToParties,
        SealedBytes = _toe.Intake.SealedBytes,
        Bytes = _toe.Counters.BytesIn + _toe.Counters.BytesOut,
        Blocks = _toe.Counters.Blocks,
        Violations = _toe.Port.Counters.Violations,
        WakesSent = _toe.Port.Counters.WakesSent,
        WakesSuppressed = _toe.Port.Counters.WakesSuppressed,
        Stalls = _toe.Port.Counters.Stalls,
        Connects = _toe.Counters.Connects,
        Accepts = _toe.Counters.Accepts,
        Denied = _toe.Counters.Denied,
        Resets = _toe.Counters.Resets,
        Loop = _toe.Dispatcher.Loop.Counters,
    };
}
