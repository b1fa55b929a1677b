using System.Text;
using Tosec.Engines.Auditor.Policy;

namespace Tosec.Engines.Auditor.Sql;

/// <summary>
/// Makes statements of a text of SQL. PostgreSQL's are parsed by its own parser, MySQL's by their tokens
/// (<c>docs/decisions/auditor-reads-sql-twice.md</c>). What cannot be read without doubt is one statement of class unknown.
/// </summary>
internal static class SqlJudge
{
    private const int MaxShown = 1024;

    /// <param name="text">Without its terminating zero.</param>
    /// <param name="dialect">Whose.</param>
    /// <param name="backslashEscapes">Whether a backslash escapes in a plain string, as far as is known.</param>
    /// <returns>In order; empty when there is none in the text.</returns>
    public static IReadOnlyList<Statement> Judge(ReadOnlySpan<byte> text, SqlDialect dialect, bool backslashEscapes)
    {
        var read = SqlReader.Read(text, dialect, backslashEscapes);
        if (read.Flaw is not null || text.Contains((byte)0))
            return [Doubtful(text)];
        return dialect == SqlDialect.MySql ? [.. read.Parts.Select(SqlVerbs.Judge)] : OfPostgreSql(text, read);
    }

    private static IReadOnlyList<Statement> OfPostgreSql(ReadOnlySpan<byte> text, SqlReader read)
    {
        if (read.Parts.Count == 0)
            return [];
        if (PgTree.Parse(text) is not { } trees)
            return [.. read.Parts.Select(p => Shown(StatementClass.Unknown, p, null))];
        // A semicolon inside a statement (the body of a function or rule): its parts cannot be told apart by tokens.
        if (trees.Count != read.Parts.Count)
        {
            var whole = Doubtful(text);
            return [.. trees.Select(t => Statement.Make(t.Classes, whole.Normalized, t.Tables, t.Functions, []))];
        }

        return [.. trees.Zip(read.Parts, (tree, part) => Shown(tree.Classes, part, tree))];
    }

    private static Statement Shown(StatementClass classes, SqlReader.SqlPart part, PgTree? tree) =>
        Statement.Make(classes, part.Normalized, tree?.Tables ?? [], tree?.Functions ?? [], part.Literals);

    private static Statement Doubtful(ReadOnlySpan<byte> text)
    {
        // Its literals cannot be told from the rest, so only its first words are shown.
        var words = Encoding.UTF8.GetString(text[..Math.Min(text.Length, MaxShown)]);
        var end = words.AsSpan().IndexOfAny('\'', '"', '$');
        return Statement.Of(StatementClass.Unknown, (end < 0 ? words : words[..end] + "…").ReplaceLineEndings(" ").Trim());
    }
}
