using System.Diagnostics;
using Tosec.Actors.Inspection;
using Tosec.Engines.Auditor.Policy;

namespace Tosec.Engines.Auditor;

/// <summary>
/// Who talks to which database on one connection, which of its statements await answers, and what has to be recorded of them. One thread.
/// </summary>
internal sealed class AuditSession(AuditorSystem system, StreamFacts facts)
{
    private readonly Queue<Pending> _pending = new();
    private Threat? _rowsThreat;
    private bool _rowsBlock;

    public AuditorSettings Settings => system.Settings;

    /// <summary>As the protocol names itself in records.</summary>
    public string Protocol { get; set; } = "auditor";

    public string User { get; set; } = "";

    public string Database { get; set; } = "";

    public int PendingCount => _pending.Count;

    /// <summary>Asks the rules about the statements of one unit: the most severe answer counts.</summary>
    /// <returns>The action; and for alert and block, what to report.</returns>
    public (AuditAction Action, Threat? Threat) Judge(IReadOnlyList<Statement> statements)
    {
        var worst = AuditAction.Allow;
        Threat? threat = null;
        foreach (var statement in statements)
        {
            var (action, rule) = system.Policy.Judge(User, Database, statement);
            if (action <= worst) continue;
            worst = action;
            threat = OfRule(rule, statement, action == AuditAction.Block ? "blocked" : "reported");
        }

        return (worst, threat);
    }

    /// <summary>A statement has been released.</summary>
    /// <param name="statement">What it is.</param>
    /// <param name="parameters">Values bound to it, not yet masked; null values are null.</param>
    /// <param name="batch">Number of the unit it belongs to.</param>
    public void Released(Statement statement, IReadOnlyList<string?> parameters, long batch) => _pending.Enqueue(new Pending(
        statement, parameters, batch, Stopwatch.GetTimestamp(), system.Policy.RowsRule(User, Database, statement)));

    /// <summary>Statements of a unit that does not reach the server.</summary>
    public void Refused(IReadOnlyList<Statement> statements)
    {
        foreach (var statement in statements)
            Record(statement, [], -1, TimeSpan.Zero, "blocked", "");
    }

    /// <summary>The server has returned a row of the oldest statement.</summary>
    public void Row()
    {
        if (_pending.TryPeek(out var pending)) Count(pending, ++pending.Rows);
    }

    /// <summary>The oldest statement of a batch is done.</summary>
    public void Completed(long batch, long rows, string error = "")
    {
        if (!_pending.TryPeek(out var pending) || pending.Batch > batch) return;
        _pending.Dequeue();
        if (rows >= 0) Count(pending, rows);
        Record(pending, rows < 0 && pending.Rows > 0 ? pending.Rows : rows, error.Length > 0 ? "error" : "ok", error);
    }

    /// <summary>A batch, and with it all before it, is answered: what is left of it was never run.</summary>
    public void BatchEnded(long batch)
    {
        while (_pending.TryPeek(out var pending) && pending.Batch <= batch)
        {
            _pending.Dequeue();
            Record(pending, -1, "unanswered", "");
        }
    }

    /// <summary>The connection is over.</summary>
    public void Ended() => BatchEnded(long.MaxValue);

    /// <summary>What a rule about rows has to say since it was last asked.</summary>
    public Threat? TakeRowsThreat(out bool blocks)
    {
        var threat = _rowsThreat;
        blocks = _rowsBlock;
        _rowsThreat = null;
        return threat;
    }

    public Threat Violation(string reason) => new()
    {
        SignatureId = 0,
        Signature = $"{Protocol}: {reason}",
        Category = "protocol-violation",
        Severity = 2,
    };

    private static Threat OfRule(int rule, Statement statement, string what) => new()
    {
        SignatureId = rule,
        Signature = $"{what}: {statement.ClassNames} ({(statement.Normalized.Length <= 200 ? statement.Normalized : statement.Normalized[..200])})",
        Category = (statement.Classes & StatementClass.Unknown) != 0 ? "unknown-statement" : "policy-violation",
        Severity = 3,
        MatchedRules = rule > 0 ? [rule] : [],
    };

    private void Count(Pending pending, long rows)
    {
        if (pending.RowsRule is not { } rule || rows <= rule.RowsOver) return;
        pending.RowsRule = null;
        _rowsBlock |= rule.Action == AuditAction.Block;
        _rowsThreat = OfRule(rule.Number, pending.Statement, $"more than {rule.RowsOver} rows");
    }

    private void Record(Pending pending, long rows, string outcome, string error) => Record(
        pending.Statement, pending.Parameters, rows, Stopwatch.GetElapsedTime(pending.Since), outcome, error);

    private void Record(Statement statement, IReadOnlyList<string?> parameters, long rows, TimeSpan duration, string outcome, string error) =>
        system.Audit.Record(facts, new AuditRecord
        {
            Protocol = Protocol,
            User = User,
            Database = Database,
            Class = statement.ClassNames,
            Statement = statement.Normalized,
            Fingerprint = statement.Fingerprint,
            Tables = statement.Tables,
            Functions = statement.Functions,
            Parameters = [.. statement.Literals.Concat(parameters.Select(p => p ?? "NULL")).Select(Shown)],
            Rows = rows,
            Duration = duration,
            Outcome = outcome,
            Error = error,
        });

    private string Shown(string value) =>
        value == "NULL" || Settings.PlainParameters ? value
        : value.Length > 0 && (char.IsAsciiDigit(value[0]) || value[0] == '-') ? $"number({value.Length})" : $"text({value.Length})";

    private sealed class Pending(Statement statement, IReadOnlyList<string?> parameters, long batch, long since, AuditRule? rowsRule)
    {
        public Statement Statement { get; } = statement;

        public IReadOnlyList<string?> Parameters { get; } = parameters;

        public long Batch { get; } = batch;

        public long Since { get; } = since;

        public AuditRule? RowsRule { get; set; } = rowsRule;

        public long Rows { get; set; }
    }
}
