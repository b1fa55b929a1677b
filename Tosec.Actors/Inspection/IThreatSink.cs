namespace Tosec.Actors.Inspection;

/// <summary>Where an SVM reports what its engine found. Called on worker threads; must not block.</summary>
public interface IThreatSink
{
    /// <summary>An alert or a block. The log is complete: nothing is left out for being frequent.</summary>
    /// <param name="facts">The connection.</param>
    /// <param name="direction">The stream that carried it.</param>
    /// <param name="blocked">Whether the connection was ended for it.</param>
    /// <param name="threat">What was found.</param>
    void Report(in StreamFacts facts, StreamDirection direction, bool blocked, Threat threat);
}
