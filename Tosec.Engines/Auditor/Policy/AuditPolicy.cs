namespace Tosec.Engines.Auditor.Policy;

/// <summary>What the rules say of statements. Immutable; any thread.</summary>
/// <param name="rules">Asked in order; the first that matches decides.</param>
/// <param name="unknown">What is done with statements of no known class that no rule matches.</param>
/// <param name="otherwise">What is done with all others that no rule matches.</param>
/// <param name="clock">The time of the day, local.</param>
internal sealed class AuditPolicy(IReadOnlyList<AuditRule> rules, AuditAction unknown, AuditAction otherwise, Func<TimeOnly> clock)
{
    /// <summary>What is done with a statement before the server sees it. Rules about rows are not asked.</summary>
    /// <returns>The action, and the number of the rule; 0: none matches.</returns>
    public (AuditAction Action, int Rule) Judge(string user, string database, Statement statement)
    {
        var now = clock();
        foreach (var rule in rules)
        {
            if (rule.RowsOver < 0 && rule.Matches(user, database, statement, now))
                return (rule.Action, rule.Number);
        }

        return ((statement.Classes & StatementClass.Unknown) != 0 ? unknown : otherwise, 0);
    }

    /// <summary>The rule about rows that a statement's answer may come to break; null: none.</summary>
    public AuditRule? RowsRule(string user, string database, Statement statement)
    {
        var now = clock();
        foreach (var rule in rules)
        {
            if (rule.RowsOver >= 0 && rule.Action != AuditAction.Allow && rule.Matches(user, database, statement, now))
                return rule;
        }

        return null;
    }
}
