using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Actors.Agent;

/// <summary>A process of the guest's, as its agent sees it: its end is the connection's end.</summary>
internal sealed class ProcessConnection(UnixSocket socket, Action<ProcessConnection> onReadable) : IEventSource
{
    public int Descriptor { get; } = socket.Descriptor;

    public UnixSocket Socket { get; } = socket;

    /// <summary>Its channel; 0 until it has attached.</summary>
    public int Channel { get; set; }

    public int Pid { get; set; }

    public void OnReady(uint events) => onReadable(this);
}
