namespace Tosec.Actors.Inspection;

/// <summary>Where an engine reports what it saw that is no threat: into the event log, complete, and nowhere else.</summary>
public interface IObservationSink
{
    /// <summary>Any thread; does not block or throw. What the log cannot take is counted and dropped.</summary>
    void Observe(Observation observation);
}
