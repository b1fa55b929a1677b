namespace Tosec.Actors.Workers;

/// <summary>Something that wants a coarse clock on a worker's thread, for timeouts and idle checks.</summary>
public interface ITicker
{
    /// <summary>
    /// Called on the worker's thread about every <see cref="WorkerSettings.TickInterval"/>; late when the worker is busy,
    /// and never twice to catch up. Must not block. An exception removes the ticker and is reported.
    /// </summary>
    /// <param name="nowMilliseconds">A monotonic clock, <see cref="Environment.TickCount64"/>.</param>
    void OnTick(long nowMilliseconds);
}
