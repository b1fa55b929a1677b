using Tosec.Actors.Inspection;

namespace Tosec.Actors.Threats;

/// <summary>An SVM's sink of threats and of what else its engine sees: into the event log, and into the list of the most recent ones. Any thread; does not block.</summary>
/// <param name="svm">Name of the SVM, for the events.</param>
/// <param name="log">Stays the caller's.</param>
/// <param name="recent">For listings.</param>
public sealed class ThreatReporter(string svm, EveLog log, RecentThreats recent) : IThreatSink, IAuditSink, IObservationSink
{
    public EveLog Log { get; } = log;

    public RecentThreats Recent { get; } = recent;

    public void Report(in StreamFacts facts, StreamDirection direction, bool blocked, Threat threat)
    {
        var found = new EveEvent(DateTimeOffset.Now, facts, direction, svm, threat, blocked);
        Recent.Add(found);
        // A log that cannot keep up counts what it lost; the list above still has it.
        Log.TryWrite(found);
    }

    public void Record(in StreamFacts facts, AuditRecord record) => Log.TryWrite(new AuditEvent(DateTimeOffset.Now, facts, svm, record));

    public void Observe(Observation observation) => Log.TryWrite(new EveObservation(DateTimeOffset.Now, svm, observation));
}
