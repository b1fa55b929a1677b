using Akka.Actor;
using Akka.Event;
using Tosec.Actors.Inspection;
using Tosec.Actors.Lanes;
using Tosec.Actors.Streams;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Attachment;

namespace Tosec.Actors.Svm;

/// <summary>A worker of an SVM, dedicated to one guest (paper section 4): parent of that guest's stream actors.</summary>
internal sealed class SvmWorkerActor : UntypedActor
{
    private readonly WorkerDispatcher _dispatcher;
    private readonly SvmContext _svm;
    private readonly SvmWorker _worker;

    public SvmWorkerActor(IGuestAttachment attachment, WorkerDispatcher dispatcher, INetworkSecuritySystem engine, IThreatSink threats)
    {
        _dispatcher = dispatcher;
        var relay = new SinkRelay();
        var port = new TrustedPort(attachment, relay);
        _svm = new SvmContext(port, new ChannelIntake(attachment.Memory, port.Self), engine, threats, new SvmCounters());
        _worker = new SvmWorker(_svm, dispatcher, (ActorCell)Context);
        relay.Target = _worker;
        foreach (var bell in attachment.Doorbells)
            dispatcher.Loop.Register(new DoorbellSource(bell), DoorbellSource.Events);
        dispatcher.Loop.AddPoller(port);
        dispatcher.Loop.AddTicker(_worker);
        // What one before us held, if nobody has seen that it was gone: its connections end, and nobody here knows them.
        attachment.Memory.SealedPool.Reclaim(port.Self);
        attachment.Memory.ReceivePool.Reclaim(port.Self);
        port.Announce();
    }

    public static Props CreateProps(IGuestAttachment attachment, WorkerDispatcher dispatcher, INetworkSecuritySystem engine,
        IThreatSink threats) =>
        Props.Create(() => new SvmWorkerActor(attachment, dispatcher, engine, threats)).OnWorker(dispatcher);

    // A stream actor that fails has lost its place in the stream: its connection ends, and what it held is given back by PostStop.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(failure =>
    {
        Context.GetLogger().Error(failure, "a stream of {0} failed and is ended", _svm.Port.Memory.Guest.Name);
        return Directive.Stop;
    });

    protected override void PreStart() =>
        Context.ActorOf(Props.Create(() => new LostMessages(OnLost)).OnWorker(_dispatcher), LostMessages.Name);

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case StreamProtocol.Ended ended:
                _worker.Removed(ended.Entry);
                break;
            case StreamProtocol.List:
                Sender.Tell(_worker.Describe());
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
        _svm.Port.Withdraw();
        _dispatcher.Loop.RemovePoller(_svm.Port);
        _dispatcher.Loop.RemoveTicker(_worker);
    }

    // What was on its way to a stream that failed or stopped.
    private void OnLost(object message)
    {
        if (message is DescriptorRun run && _worker.Made(run))
            _worker.Reclaim(run);
    }

    private WorkerReport Report() => new()
    {
        Worker = _dispatcher.Loop.Name,
        Guest = _svm.Port.Memory.Guest.Name,
        Streams = _worker.Streams,
        FromGuest = _svm.Port.Counters.FromChannels,
        FromParties = _svm.Port.Counters.FromParties,
        ToParties = _svm.Port.Counters.ToParties,
        SealedBytes = _svm.Intake.SealedBytes,
        Payloads = _svm.Counters.Payloads,
        Bytes = _svm.Counters.Bytes,
        Held = _svm.Counters.Held,
        Alerts = _svm.Counters.Alerts,
        Blocks = _svm.Counters.Blocks,
        Violations = _svm.Port.Counters.Violations,
        WakesSent = _svm.Port.Counters.WakesSent,
        WakesSuppressed = _svm.Port.Counters.WakesSuppressed,
        Stalls = _svm.Port.Counters.Stalls,
        Loop = _dispatcher.Loop.Counters,
    };
}
