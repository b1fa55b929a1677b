namespace Tosec.Actors.Inspection;

/// <summary>Something seen in a stream, or of the engine itself, for the event log: one EVE JSON event. Immutable.</summary>
public abstract record Observation
{
    /// <summary>The connection; null: it is about the engine.</summary>
    public StreamFacts? Stream { get; init; }

    /// <summary>The stream of the connection.</summary>
    public StreamDirection Direction { get; init; }
}

/// <summary>A file that was carried (<c>fileinfo</c>).</summary>
/// <param name="Name">What it was sent as: a path or file name; possibly empty.</param>
/// <param name="Size">Bytes, decoded.</param>
/// <param name="IsComplete">False: only a part of it was seen.</param>
/// <param name="Sha256">In lower case hexadecimal digits; empty when it is not known.</param>
/// <param name="Verdict">What the engine said, in a word.</param>
/// <param name="Http">The request it belongs to, if it was carried by HTTP.</param>
public sealed record FileObservation(string Name, long Size, bool IsComplete, string Sha256, string Verdict, HttpFacts? Http) : Observation;

/// <summary>Something is not as it should be, and it is no attack (<c>anomaly</c>).</summary>
/// <param name="Event">A word for it, for example <c>engine-unreachable</c>.</param>
/// <param name="Text">A sentence for people.</param>
public sealed record AnomalyObservation(string Event, string Text) : Observation;

/// <summary>An HTTP exchange has ended (<c>http</c>).</summary>
/// <param name="Http">Request and status.</param>
/// <param name="Length">Bytes of the response's body, decoded.</param>
/// <param name="ContentType">Of the response; possibly empty.</param>
public sealed record HttpObservation(HttpFacts Http, long Length, string ContentType) : Observation;

/// <summary>A connection has ended (<c>flow</c>). Numbers are of payloads, not of packets.</summary>
/// <param name="Start">When the SVM took it up.</param>
/// <param name="ToServer">Payloads and bytes of the side that connected.</param>
/// <param name="ToClient">Payloads and bytes of the side that accepted.</param>
/// <param name="IsBlocked">It was ended for a threat.</param>
/// <param name="Alerted">Something was reported of it.</param>
public sealed record FlowObservation(
    DateTimeOffset Start, (long Payloads, long Bytes) ToServer, (long Payloads, long Bytes) ToClient, bool IsBlocked, bool Alerted) : Observation;

/// <summary>Somebody has asked a database for something (<c>audit</c>).</summary>
/// <param name="Protocol">For example <c>pgsql</c>.</param>
/// <param name="User">Who asked; possibly empty.</param>
/// <param name="Database">Of which database; possibly empty.</param>
/// <param name="Class">Class of the statement, for example <c>select</c>.</param>
/// <param name="Statement">Without its literals.</param>
/// <param name="Fingerprint">The same for all statements of this form.</param>
/// <param name="Parameters">As far as the policy lets them be seen.</param>
/// <param name="Rows">Rows returned or changed; -1: not known.</param>
/// <param name="Duration">From the statement to its outcome.</param>
/// <param name="Outcome">A word, for example <c>ok</c>, <c>error</c>, <c>blocked</c>.</param>
public sealed record AuditObservation(
    string Protocol, string User, string Database, string Class, string Statement, string Fingerprint, IReadOnlyList<string> Parameters,
    long Rows, TimeSpan Duration, string Outcome) : Observation;
