using System.Collections.Frozen;
using Tosec.Engines.Auditor.Policy;
using static Tosec.Engines.Auditor.Policy.StatementClass;

namespace Tosec.Engines.Auditor.Sql;

/// <summary>
/// Judges a statement of MySQL or MariaDB by its tokens: what it does, which tables and functions it names. Names too many rather than
/// too few: every name behind FROM, JOIN, INTO, UPDATE or TABLE counts as a table, every name before a parenthesis as a function.
/// </summary>
internal static class SqlVerbs
{
    private static readonly FrozenDictionary<string, StatementClass> _verbs = new Dictionary<string, StatementClass>
    {
        ["select"] = Select,
        ["table"] = Select,
        ["values"] = Select,
        ["insert"] = Insert,
        ["replace"] = Insert | Delete,
        ["update"] = Update,
        ["delete"] = Delete,
        ["truncate"] = Ddl,
        ["create"] = Ddl,
        ["alter"] = Ddl,
        ["drop"] = Ddl,
        ["rename"] = Ddl,
        ["grant"] = Grant,
        ["revoke"] = Grant,
        ["begin"] = Transaction,
        ["start"] = Transaction,
        ["commit"] = Transaction,
        ["rollback"] = Transaction,
        ["savepoint"] = Transaction,
        ["release"] = Transaction,
        ["xa"] = Transaction,
        ["set"] = Session,
        ["show"] = Session,
        ["use"] = Session,
        ["describe"] = Session,
        ["desc"] = Session,
        ["help"] = Session,
        ["call"] = Call,
        ["do"] = Select,
        ["prepare"] = Dynamic | Unknown,
        ["execute"] = Dynamic | Unknown,
        ["deallocate"] = Session,
        ["explain"] = Explain,
        ["analyze"] = Admin,
        ["lock"] = Locking,
        ["unlock"] = Locking,
        ["kill"] = Admin,
        ["flush"] = Admin,
        ["reset"] = Admin,
        ["shutdown"] = Admin,
        ["optimize"] = Admin,
        ["check"] = Admin,
        ["checksum"] = Admin,
        ["repair"] = Admin,
        ["cache"] = Admin,
        ["install"] = Admin,
        ["uninstall"] = Admin,
        ["purge"] = Replication,
        ["change"] = Replication,
        ["load"] = Files,
        ["handler"] = Select,
    }.ToFrozenDictionary();

    private static readonly FrozenSet<string> _beforeTable =
        new[] { "from", "join", "into", "update", "table", "tables", "references", "straight_join", "describe", "desc", "using" }.ToFrozenSet();

    private static readonly FrozenSet<string> _betweenTable = new[]
    {
        "if", "exists", "not", "only", "low_priority", "ignore", "high_priority", "delayed", "quick", "lateral",
    }.ToFrozenSet();

    private static readonly FrozenSet<string> _noFunction = new[]
    {
        "in", "values", "value", "and", "or", "not", "on", "using", "as", "from", "join", "where", "exists", "any", "all", "some", "over",
        "by", "key", "index", "unique", "primary", "table", "select", "union", "when", "then", "else", "case", "set", "is", "like",
        "between", "interval", "partition", "references", "check", "varchar", "char", "int", "decimal", "enum", "into", "having", "limit",
    }.ToFrozenSet();

    public static Statement Judge(SqlReader.SqlPart part)
    {
        var tables = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var functions = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        var classes = ClassOf(part);
        for (var i = 0; i < part.Words.Count; i++)
        {
            var (kind, word) = part.Words[i];
            if (kind == SqlTokenKind.Word)
                classes |= Hint(part, i, word);
            if (part.IsName(i) && part.IsSymbol(i + 1, '(') && !(kind == SqlTokenKind.Word && _noFunction.Contains(word)))
                functions.Add(part.IsSymbol(i - 1, '.') && i >= 2 ? part.NameAt(i - 2) + "." + part.NameAt(i) : part.NameAt(i));
            if (i == 1 && part.Word(0) == "call" && part.IsName(i))
                functions.Add(part.NameAt(i));
            if (kind == SqlTokenKind.Word && (_beforeTable.Contains(word) || (i == 0 && word is "insert" or "replace" or "truncate" or "handler" or "delete")))
                TakeTables(part, i + 1, tables);
        }

        return Statement.Make(classes, part.Normalized, tables, functions, part.Literals);
    }

    private static StatementClass ClassOf(SqlReader.SqlPart part)
    {
        var first = 0;
        while (part.IsSymbol(first, '('))
            first++;
        var verb = part.Word(first);
        if (verb == "with")
            return WithClass(part, first + 1);
        if (!_verbs.TryGetValue(verb, out var classes))
            return Unknown;
        return (verb, part.Word(first + 1)) switch
        {
            ("load", "data") when part.Words.Any(w => w is (SqlTokenKind.Word, "local")) => Copy | Insert,
            ("create" or "drop" or "alter" or "rename", "user" or "role") => Grant,
            ("set", "password" or "role" or "default") => Grant,
            ("set", "global" or "persist" or "persist_only" or "@@global") => Admin,
            ("set", "transaction") => Transaction,
            ("show", "binlog" or "master" or "slave" or "replica" or "replicas") => Replication,
            ("start" or "stop", "slave" or "replica" or "group_replication") => Replication,
            ("explain" or "describe" or "desc" or "analyze", _) => classes | Nested(part, first + 1),
            ("create", _) when part.Words.Any(w => w is (SqlTokenKind.Word, "select")) => classes | Select,
            _ => classes,
        };
    }

    // What follows the common table expressions, at the outermost level.
    private static StatementClass WithClass(SqlReader.SqlPart part, int from)
    {
        var depth = 0;
        for (var i = from; i < part.Words.Count; i++)
        {
            if (part.IsSymbol(i, '('))
                depth++;
            else if (part.IsSymbol(i, ')'))
                depth--;
            else if (depth == 0 && part.Word(i) is "select" or "insert" or "replace" or "update" or "delete" && depth == 0)
                return _verbs[part.Word(i)];
        }

        return Unknown;
    }

    private static StatementClass Nested(SqlReader.SqlPart part, int from)
    {
        for (var i = from; i < part.Words.Count; i++)
        {
            if (part.Word(i) is "select" or "insert" or "replace" or "update" or "delete")
                return _verbs[part.Word(i)];
        }

        return None;
    }

    private static StatementClass Hint(SqlReader.SqlPart part, int index, string word) => word switch
    {
        "outfile" or "dumpfile" when part.Word(index - 1 < 0 ? 0 : index - 1) == "into" => Files,
        "load_file" => Files,
        "select" when index > 0 => Select,
        "global" or "@@global" when part.Word(0) == "set" => Admin,
        _ => None,
    };

    private static void TakeTables(SqlReader.SqlPart part, int at, HashSet<string> tables)
    {
        do
        {
            while (part.IsSymbol(at, '(') || _betweenTable.Contains(part.Word(at)))
                at++;
            if (!part.IsName(at)
                || part.Word(at) is "select" or "values" or "table" or "into" or "from" or "outfile" or "dumpfile")
                return;
            var name = part.NameAt(at++);
            while (part.IsSymbol(at, '.') && at + 1 < part.Words.Count)
            {
                name += "." + part.NameAt(at + 1);
                at += 2;
            }

            tables.Add(name);
            if (part.Word(at) == "as")
                at += 2;
            else if (part.IsName(at) && part.IsSymbol(at + 1, ','))
                at++;
        }
        while (part.IsSymbol(at++, ','));
    }
}
