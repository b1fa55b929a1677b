namespace Tosec.Actors.Workers;

/// <summary>
/// Something that a worker looks at on each of its passes, such as lanes in shared memory. Every member is called on the
/// worker's thread, and none after the poller was removed, so the memory behind it may go away then. An exception removes
/// the poller and is reported.
/// </summary>
/// <remarks>
/// Before the worker blocks it calls <see cref="PrepareSleep"/> of every poller, executes one full fence, and asks
/// <see cref="HasWork"/> of every poller. A producer publishes its work, executes a full fence, and reads the sleep flag.
/// So either the worker sees the work or the producer sees the flag and rings; both may happen, neither cannot.
/// </remarks>
public interface IPoller
{
    /// <summary>Takes a bounded amount of what has arrived, without blocking.</summary>
    /// <returns>True if it did something, or may have left something.</returns>
    bool Poll();

    /// <summary>Publishes the flags that ask producers to ring a doorbell which the worker waits for.</summary>
    void PrepareSleep();

    /// <summary>Whether <see cref="Poll"/> would find something. Looks at what producers publish, never at a copy.</summary>
    bool HasWork();

    /// <summary>Takes the flags of <see cref="PrepareSleep"/> back. Follows each of them, blocked or not.</summary>
    void EndSleep();
}
