namespace Tosec.Actors.Workers;

/// <summary>
/// What a worker has done since it started. Each number is whole; together they are no snapshot of one moment, because the
/// worker goes on counting while they are read.
/// </summary>
/// <param name="Passes">Times round the loop.</param>
/// <param name="Blocks">Times the thread gave up its CPU to wait for a descriptor, a doorbell or a tick.</param>
/// <param name="Wakes">Times another thread's post woke it.</param>
/// <param name="FruitfulPolls">Polls that found work.</param>
/// <param name="Runs">Mailboxes, and other work that was posted, run from the queue.</param>
/// <param name="Events">Ready descriptors handed to their sources.</param>
/// <param name="StaleEvents">Ready descriptors whose source had been unregistered by an earlier one of the same batch.</param>
/// <param name="Failures">Exceptions out of sources, pollers, tickers and posted work.</param>
/// <param name="Dropped">Posts that came too late to be run, because the worker had ended.</param>
public readonly record struct WorkerCounters(
    long Passes,
    long Blocks,
    long Wakes,
    long FruitfulPolls,
    long Runs,
    long Events,
    long StaleEvents,
    long Failures,
    long Dropped);
