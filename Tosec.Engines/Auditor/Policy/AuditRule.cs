using System.IO.Enumeration;

namespace Tosec.Engines.Auditor.Policy;

/// <summary>What is done with a statement, from the least to the most severe.</summary>
public enum AuditAction
{
    Allow = 0,
    Alert = 1,
    Block = 2,
}

/// <summary>
/// One rule of the auditor. An <c>allow</c> rule matches a statement only if all its classes, tables and functions match; the others
/// match if one does: what a rule does not know it cannot allow.
/// </summary>
/// <param name="Number">Its place in the list, from 1: the signature id of events.</param>
/// <param name="Action">What it decides.</param>
/// <param name="User">Account; <c>*</c> and <c>?</c> stand for any characters, case does not matter, as in the next four.</param>
/// <param name="Database">Name of the database.</param>
/// <param name="Classes">Classes; <see cref="StatementClass.None"/>: any.</param>
/// <param name="Table">Table, with or without its schema.</param>
/// <param name="Function">Function, procedure or Redis command.</param>
/// <param name="From">First time of the day, local.</param>
/// <param name="Until">First time of the day that is out again; equal to <paramref name="From"/>: all day.</param>
/// <param name="RowsOver">Matches only when an answer has more rows than this; negative: whatever the answer.</param>
public sealed record AuditRule(
    int Number,
    AuditAction Action,
    string User,
    string Database,
    StatementClass Classes,
    string Table,
    string Function,
    TimeOnly From,
    TimeOnly Until,
    long RowsOver)
{
    internal bool Matches(string user, string database, Statement statement, TimeOnly now)
    {
        if (!Like(User, user) || !Like(Database, database) || !InHours(now))
            return false;
        var all = Action == AuditAction.Allow;
        return MatchesClasses(statement.Classes, all) && MatchesNames(Table, statement.Tables, all) && MatchesNames(Function, statement.Functions, all);
    }

    private bool InHours(TimeOnly now) =>
        From == Until || (From < Until ? now >= From && now < Until : now >= From || now < Until);

    private bool MatchesClasses(StatementClass classes, bool all) =>
        Classes == StatementClass.None || (all ? (classes & ~Classes) == 0 : (classes & Classes) != 0);

    private static bool MatchesNames(string pattern, IReadOnlyList<string> names, bool all)
    {
        if (pattern == "*")
            return true;
        foreach (var name in names)
        {
            var like = Like(pattern, name) || (!pattern.Contains('.') && Like(pattern, name[(name.LastIndexOf('.') + 1)..]));
            if (like != all)
                return !all;
        }

        return all && names.Count > 0;
    }

    private static bool Like(string pattern, string name) =>
        pattern == "*" || FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "\\\\", StringComparison.Ordinal), name, ignoreCase: true);
}
