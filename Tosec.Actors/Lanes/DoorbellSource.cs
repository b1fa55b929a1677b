using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Actors.Lanes;

/// <summary>A doorbell that a worker sleeps on. It only says "look again": the lanes are polled on every pass anyway.</summary>
internal sealed class DoorbellSource(EventFd bell) : IEventSource
{
    public int Descriptor => bell.Descriptor;

    public void OnReady(uint events) => bell.Drain();
}
