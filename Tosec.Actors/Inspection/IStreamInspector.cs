namespace Tosec.Actors.Inspection;

/// <summary>
/// Judges both streams of one connection. Every call comes from one worker thread, one at a time, bytes in stream order.
/// </summary>
/// <remarks>
/// Spans point into shared memory that their sender can no longer write (unless the chain says <c>seal = off</c>); they are valid
/// only during the call. A call must not block. An exception costs the stream its life (it is blocked), never the SVM.
/// </remarks>
public interface IStreamInspector : IDisposable
{
    /// <summary>
    /// Judges the next payload of a stream. The answer speaks for everything of that direction given so far and not yet released:
    /// <see cref="VerdictKind.Pass"/> and <see cref="VerdictKind.Alert"/> release all of it, <see cref="VerdictKind.Hold"/> keeps
    /// all of it where it lies, <see cref="VerdictKind.Block"/> drops it and ends the connection. <see cref="VerdictKind.Release"/>
    /// and <see cref="VerdictKind.Cut"/> speak for the first bytes of it only.
    /// </summary>
    /// <remarks>
    /// An empty payload asks again, of a stream that is held: at once after <c>Release</c> and <c>Cut</c>, for the bytes that are left,
    /// and whenever the other stream has gone on. While an answer waits for room, neither stream is asked.
    /// </remarks>
    Verdict Inspect(StreamDirection direction, ReadOnlySpan<byte> payload);

    /// <summary>
    /// The sender has ended this stream (FIN) after the bytes given so far. <c>Hold</c> is treated as <c>Undecided</c>, unless the
    /// inspector is an <see cref="IDeferringInspector"/>.
    /// </summary>
    Verdict End(StreamDirection direction);

    /// <summary>
    /// The stream holds as much as its chain allows, or for as long. The inspector decides on what it has seen; a second
    /// <c>Hold</c> is answered by the chain's failure policy.
    /// </summary>
    Verdict HoldLimit(StreamDirection direction);
}
