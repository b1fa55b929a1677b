namespace Tosec.Actors.Inspection;

/// <summary>A statement to a database and what came of it: the <c>audit</c> object of an EVE JSON event. Immutable.</summary>
public sealed record AuditRecord
{
    /// <summary><c>postgresql</c>, <c>mysql</c> or <c>redis</c>.</summary>
    public required string Protocol { get; init; }

    /// <summary>The account that the session was opened for; empty when it is not known.</summary>
    public required string User { get; init; }

    public required string Database { get; init; }

    /// <summary>Classes of the statement, for example <c>select</c>; several joined by a comma.</summary>
    public required string Class { get; init; }

    /// <summary>The statement with every literal replaced by a question mark.</summary>
    public required string Statement { get; init; }

    /// <summary>Equal for statements that differ in literals, case and white space only: 16 hexadecimal digits.</summary>
    public required string Fingerprint { get; init; }

    public IReadOnlyList<string> Tables { get; init; } = [];

    public IReadOnlyList<string> Functions { get; init; } = [];

    /// <summary>Parameters and literals as the policy lets them be shown; a null one is <c>NULL</c>.</summary>
    public IReadOnlyList<string> Parameters { get; init; } = [];

    /// <summary>Rows returned or changed, or -1 when the server said nothing of them.</summary>
    public long Rows { get; init; } = -1;

    /// <summary>From its release to the end of its answer; zero when it was not released.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary><c>ok</c>, <c>error</c>, <c>blocked</c>, or <c>unanswered</c> (the connection, or its batch, ended before).</summary>
    public required string Outcome { get; init; }

    /// <summary>The server's error code or word; empty without an error.</summary>
    public string Error { get; init; } = "";
}

/// <summary>Where an engine leaves audit records. Called on worker threads; must not block.</summary>
public interface IAuditSink
{
    /// <param name="facts">The connection.</param>
    /// <param name="record">The statement.</param>
    void Record(in StreamFacts facts, AuditRecord record);
}
