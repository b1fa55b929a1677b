namespace Tosec.Actors.Inspection;

/// <summary>
/// An inspector that asks somebody else, a scanner process for example, and has its verdict later: it answers <c>Hold</c>, and wakes
/// its stream when it can say more. Until then what it holds stays where it lies, the end of the stream included, up to the chain's
/// hold limit and deadline.
/// </summary>
public interface IDeferringInspector : IStreamInspector
{
    /// <summary>Called once, on the worker's thread, before anything else.</summary>
    /// <param name="waker">Good for as long as the inspector wants to keep it.</param>
    void Attach(IInspectionWaker waker);

    /// <summary>
    /// Asked on the worker's thread after <see cref="IInspectionWaker.Wake"/>, once for each stream. The answer speaks for everything of
    /// that direction given so far and not yet released, its end included. <c>Hold</c>: there is still nothing to say.
    /// </summary>
    Verdict Resume(StreamDirection direction);
}

/// <summary>Wakes the stream of an inspector.</summary>
public interface IInspectionWaker
{
    /// <summary>Any thread; does not block or throw. Has no effect once the connection is over.</summary>
    void Wake();
}
