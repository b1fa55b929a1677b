using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Tests.Actors.Workers;

/// <summary>A source over a doorbell, which does what a test says when it rings.</summary>
internal sealed class Bell(Action<Bell> onRing) : IEventSource, IDisposable
{
    private readonly EventFd _doorbell = EventFd.Create();
    private long _heard;

    public int Descriptor => _doorbell.Descriptor;

    public long Heard => Volatile.Read(ref _heard);

    public void Ring() => _doorbell.Ring();

    public void OnReady(uint events)
    {
        _doorbell.Drain();
        Volatile.Write(ref _heard, _heard + 1);
        onRing(this);
    }

    public void Dispose() => _doorbell.Dispose();
}
