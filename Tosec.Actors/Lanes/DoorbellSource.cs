using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Actors.Lanes;

/// <summary>
/// A doorbell that a worker sleeps on. It only says "look again": the lanes are polled on every pass anyway. Each ring is an edge of
/// its own whatever the bell's count, so nobody reads the count: a system call less on every wake-up. A guest that fills the count of
/// a bell it may ring loses its own wake-ups, and is served with the ticks.
/// </summary>
internal sealed class DoorbellSource(EventFd bell) : IEventSource
{
    /// <summary>What to register it for.</summary>
    public const uint Events = EventMask.Readable | EventMask.EdgeTriggered;

    public int Descriptor => bell.Descriptor;

    public void OnReady(uint events)
    {
        // The pass that follows looks at the lanes.
    }
}
