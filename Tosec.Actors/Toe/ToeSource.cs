using Akka.Actor;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Actors.Toe;

/// <summary>A kernel socket in the worker's epoll set; itself the message that tells its stream actor what is ready.</summary>
internal sealed class ToeSource(KernelSocket socket, WorkerDispatcher dispatcher) : IEventSource
{
    private readonly int _descriptor = socket.Descriptor;

    public int Descriptor => _descriptor;

    public KernelSocket Socket { get; } = socket;

    /// <summary>The actor that owns the socket.</summary>
    public ActorCell? Actor { get; set; }

    /// <summary>What was ready; the actor takes it, so that events of two rounds add up if it was busy.</summary>
    public uint Events { get; private set; }

    public void OnReady(uint events)
    {
        Events |= events;
        dispatcher.Deliver(Actor!, this);
    }

    public uint TakeEvents()
    {
        var events = Events;
        Events = 0;
        return events;
    }
}
