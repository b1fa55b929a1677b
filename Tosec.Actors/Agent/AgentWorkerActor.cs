using Akka.Actor;
using Akka.Event;
using Tosec.Actors.Lanes;
using Tosec.Actors.Streams;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Attachment;

namespace Tosec.Actors.Agent;

/// <summary>The worker of a guest's agent.</summary>
internal sealed class AgentWorkerActor : UntypedActor
{
    private readonly IGuestAttachment _attachment;
    private readonly WorkerDispatcher _dispatcher;
    private readonly GuestAgent _agent;

    public AgentWorkerActor(IGuestAttachment attachment, WorkerDispatcher dispatcher, string socketPath, UnixFileMode mode)
    {
        _attachment = attachment;
        _dispatcher = dispatcher;
        _agent = new GuestAgent(attachment, socketPath, mode, dispatcher.Loop, Context.GetLogger());
        dispatcher.Loop.Register(new DoorbellSource(attachment.Doorbells[0]), DoorbellSource.Events);
        dispatcher.Loop.Register(_agent);
        dispatcher.Loop.AddPoller(_agent.Lanes);
        dispatcher.Loop.AddTicker(_agent);
    }

    public static Props CreateProps(IGuestAttachment attachment, WorkerDispatcher dispatcher, string socketPath, UnixFileMode mode) =>
        Props.Create(() => new AgentWorkerActor(attachment, dispatcher, socketPath, mode)).OnWorker(dispatcher);

    protected override void OnReceive(object message)
    {
        if (message is WorkerProtocol.GetReport)
        {
            Sender.Tell(new WorkerReport
            {
                Worker = _dispatcher.Loop.Name,
                Guest = _attachment.Memory.Guest.Name,
                Streams = _agent.Sockets,
                Processes = _agent.Processes,
                WakesSent = _agent.Signals,
                Loop = _dispatcher.Loop.Counters,
            });
        }
        else
        {
            Unhandled(message);
        }
    }

    protected override void PostStop()
    {
        _dispatcher.Loop.RemovePoller(_agent.Lanes);
        _dispatcher.Loop.RemoveTicker(_agent);
        _agent.Dispose();
    }
}
