using Akka.Actor;
using Akka.Event;
using Tosec.Actors.Streams;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Actors.Vms;

/// <summary>How a VM takes part in a guest's memory.</summary>
/// <param name="Guest">Name of the guest.</param>
/// <param name="Attach">Attaches; may fail while the host node is not there.</param>
/// <param name="Worker">Makes the worker's props.</param>
/// <param name="Settings">How the worker waits.</param>
internal sealed record GuestService(
    string Guest,
    Func<IGuestAttachment> Attach,
    Func<IGuestAttachment, WorkerDispatcher, Props> Worker,
    WorkerSettings Settings);

/// <summary>
/// A guest's presence at a VM: owns the attachment, the worker's thread and its dispatcher, in this order, and lets go of them in the
/// reverse one. While the host node is away it tries again; a worker that fails is replaced over a new attachment.
/// </summary>
internal sealed class GuestActor : UntypedActor, IWithTimers
{
    private static readonly TimeSpan _retry = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(20);

    private readonly GuestService _service;
    private readonly ILoggingAdapter _log = Context.GetLogger();
    private IGuestAttachment? _attachment;
    private WorkerLoop? _loop;
    private WorkerDispatcher? _dispatcher;
    private IActorRef? _worker;
    private string _state = "waiting for the host node";
    private bool _stopping;

    public GuestActor(GuestService service) => _service = service;

    public ITimerScheduler Timers { get; set; } = null!;

    protected override void PreStart() => Self.Tell(TryAttach.Instance);

    // A worker that fails stands over state nobody can trust: it ends, and with it the streams of this one guest.
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(failure =>
    {
        _log.Error(failure, "the worker of guest {0} failed", _service.Guest);
        return Directive.Stop;
    });

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case TryAttach when !_stopping && _attachment is null:
                OnTryAttach();
                break;
            case TryAttach:
                break;
            case Terminated:
                _worker = null;
                Self.Tell(LetGo.Instance);
                break;
            case LetGo:
                OnLetGo();
                break;
            case VmProtocol.Stop:
                _stopping = true;
                if (_worker is null)
                    Self.Tell(LetGo.Instance);
                else
                    Context.Stop(_worker);
                break;
            case VmProtocol.ListWorkers when _worker is not null:
                _worker.Tell(WorkerProtocol.GetReport.Instance, Sender);
                break;
            case VmProtocol.ListStreams when _worker is not null:
                _worker.Tell(StreamProtocol.List.Instance, Sender);
                break;
            case VmProtocol.ListWorkers or VmProtocol.ListStreams:
                Sender.Tell(new Status.Failure(new InvalidOperationException($"guest {_service.Guest} is not attached")));
                break;
            case VmProtocol.ListPools:
                Sender.Tell(_attachment is null ? [] : PoolReports.Of(_attachment.Memory).ToArray());
                break;
            case VmProtocol.ListGuests:
                Sender.Tell(Report());
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void PostStop()
    {
        // Reached with something left only when the whole system was torn down; the loop has no actors then.
        _loop?.Dispose();
        _attachment?.Dispose();
    }

    private void OnTryAttach()
    {
        try
        {
            _attachment = _service.Attach();
        }
        catch (Exception failure) when (failure is NativeFailure or IOException or SegmentException)
        {
            if (_state != failure.Message)
                _log.Warning("guest {0} is not attached yet: {1}", _service.Guest, failure.Message);
            _state = failure.Message;
            Timers.StartSingleTimer("attach", TryAttach.Instance, _retry);
            return;
        }

        _loop = new WorkerLoop($"{_service.Guest}-0", _service.Settings, OnWorkerFailure);
        _dispatcher = WorkerDispatchers.Of(Context.System).Rent(_loop);
        _loop.Start();
        _worker = Context.ActorOf(_service.Worker(_attachment, _dispatcher), "worker-0");
        Context.Watch(_worker);
        _state = "attached";
        _log.Info("guest {0} attached as party {1}", _service.Guest, _attachment.Party);
    }

    private void OnWorkerFailure(WorkerLoop loop, object source, Exception failure)
    {
        // On the worker's thread: the logger is safe from any.
        _log.Error(failure, "worker {0}: {1} failed and is not served any more", loop.Name, source.GetType().Name);
        if (source is IPoller)
            _worker.Tell(PoisonPill.Instance);
    }

    private void OnLetGo()
    {
        if (_dispatcher is { HasActors: true })
        {
            Timers.StartSingleTimer("let-go", LetGo.Instance, _look);
            return;
        }

        if (_dispatcher is not null)
            WorkerDispatchers.Of(Context.System).Return(_dispatcher);
        _dispatcher = null;
        _loop?.Dispose();
        _loop = null;
        _attachment?.Dispose();
        _attachment = null;
        _state = "waiting for the host node";
        if (_stopping)
            Context.Stop(Self);
        else
            Timers.StartSingleTimer("attach", TryAttach.Instance, _retry);
    }

    private GuestReport Report() => _attachment is null
        ? new GuestReport(_service.Guest, _state, [], 0)
        : new GuestReport(_service.Guest, _state,
            _attachment.Memory.HasCore ? [.. _attachment.Memory.Parties().Select(p => $"{p.Name} ({p.Type})")] : [],
            _attachment.Memory.MappedBytes);

    private sealed class TryAttach
    {
        public static readonly TryAttach Instance = new();
    }

    private sealed class LetGo
    {
        public static readonly LetGo Instance = new();
    }
}
