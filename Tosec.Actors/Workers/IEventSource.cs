namespace Tosec.Actors.Workers;

/// <summary>A descriptor that a worker waits for, and what to do when it is ready.</summary>
public interface IEventSource
{
    /// <summary>
    /// The descriptor. It belongs to the source, which unregisters before it closes it: a number that the kernel gives to
    /// someone else meanwhile would be reported here. Read once, when the source is registered.
    /// </summary>
    int Descriptor { get; }

    /// <summary>
    /// Called on the worker's thread when the descriptor is ready, never after the source was unregistered. Must not block,
    /// and should take a bounded amount of work: what is left is reported again, unless the source asked for edges.
    /// An exception unregisters the source and is reported; the descriptor stays the source's to close.
    /// </summary>
    /// <param name="events">What is ready, a set of <see cref="EventMask"/>.</param>
    void OnReady(uint events);
}
