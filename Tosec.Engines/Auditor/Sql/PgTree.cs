using System.Collections.Frozen;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Tosec.Engines.Auditor.Policy;
using static Tosec.Engines.Auditor.Policy.StatementClass;

namespace Tosec.Engines.Auditor.Sql;

/// <summary>What a parse tree of PostgreSQL says of one statement: classes, tables, functions; of all that is nested in it too.</summary>
internal sealed class PgTree
{
    private static readonly FrozenDictionary<string, StatementClass> _nodes = new Dictionary<string, StatementClass>
    {
        ["SelectStmt"] = Select,
        ["InsertStmt"] = Insert,
        ["UpdateStmt"] = Update,
        ["DeleteStmt"] = Delete,
        ["MergeStmt"] = Merge,
        ["TransactionStmt"] = Transaction,
        ["ConstraintsSetStmt"] = Transaction,
        ["VariableSetStmt"] = Session,
        ["VariableShowStmt"] = Session,
        ["DiscardStmt"] = Session,
        ["ExplainStmt"] = Explain,
        ["LockStmt"] = Locking,
        ["CallStmt"] = Call,
        ["DoStmt"] = Dynamic | Unknown,
        ["PrepareStmt"] = Session,
        ["ExecuteStmt"] = Dynamic,
        ["DeallocateStmt"] = Session,
        ["DeclareCursorStmt"] = Select,
        ["FetchStmt"] = Select,
        ["ClosePortalStmt"] = Select,
        ["ListenStmt"] = Notify,
        ["NotifyStmt"] = Notify,
        ["UnlistenStmt"] = Notify,
        ["VacuumStmt"] = Admin,
        ["ClusterStmt"] = Admin,
        ["ReindexStmt"] = Admin,
        ["CheckPointStmt"] = Admin,
        ["LoadStmt"] = Admin,
        ["AlterSystemStmt"] = Admin,
        ["AlterDatabaseSetStmt"] = Admin,
        ["GrantStmt"] = Grant,
        ["GrantRoleStmt"] = Grant,
        ["CreateRoleStmt"] = Grant,
        ["AlterRoleStmt"] = Grant,
        ["DropRoleStmt"] = Grant,
        ["AlterRoleSetStmt"] = Grant,
        ["AlterDefaultPrivilegesStmt"] = Grant,
        ["ReassignOwnedStmt"] = Grant,
        ["DropOwnedStmt"] = Grant,
        ["AlterOwnerStmt"] = Grant,
        ["CreatePolicyStmt"] = Grant,
        ["AlterPolicyStmt"] = Grant,
        ["SecLabelStmt"] = Grant,
        ["CreatePublicationStmt"] = Replication,
        ["AlterPublicationStmt"] = Replication,
        ["CreateSubscriptionStmt"] = Replication,
        ["AlterSubscriptionStmt"] = Replication,
        ["DropSubscriptionStmt"] = Replication,
        ["RuleStmt"] = Ddl,
        ["ViewStmt"] = Ddl,
        ["IndexStmt"] = Ddl,
        ["DefineStmt"] = Ddl,
        ["TruncateStmt"] = Ddl,
        ["CommentStmt"] = Ddl,
        ["RenameStmt"] = Ddl,
        ["DropStmt"] = Ddl,
        ["CompositeTypeStmt"] = Ddl,
        ["ImportForeignSchemaStmt"] = Ddl,
        ["RefreshMatViewStmt"] = Ddl,
        ["CopyStmt"] = Copy,
        ["DropdbStmt"] = Ddl,
        ["CreatedbStmt"] = Ddl,
    }.ToFrozenDictionary();

    private readonly HashSet<string> _tables = new(StringComparer.OrdinalIgnoreCase);
    private readonly HashSet<string> _functions = new(StringComparer.OrdinalIgnoreCase);
    private StatementClass _classes;

    private PgTree()
    {
    }

    public StatementClass Classes => _classes == None ? Unknown : _classes;

    public IReadOnlyCollection<string> Tables => _tables;

    public IReadOnlyCollection<string> Functions => _functions;

    /// <summary>One tree for each statement of the text; null: it is not SQL of PostgreSQL.</summary>
    public static List<PgTree>? Parse(ReadOnlySpan<byte> text)
    {
        // In another character set its bytes are characters of names all the same: the parser is given some that are Unicode.
        if (!Utf8.IsValid(text))
            text = Encoding.UTF8.GetBytes(Encoding.Latin1.GetString(text));
        if (PgQuery.Parse(text) is not { } json)
            return null;
        var trees = new List<PgTree>();
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = int.MaxValue });
        PgTree? tree = null;
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName)
                continue;
            // Deeper ones are statements inside SQL functions' bodies and the like.
            if (reader.CurrentDepth == 3 && reader.ValueTextEquals("stmt"u8))
                trees.Add(tree = new PgTree());
            else
                tree?.Take(ref reader);
        }

        return trees;
    }

    private void Take(ref Utf8JsonReader reader)
    {
        if (reader.ValueTextEquals("relname"u8))
        {
            reader.Read();
            AddTable(reader.GetString() ?? "");
        }
        else if (reader.ValueTextEquals("schemaname"u8))
        {
            reader.Read();
            _schema = reader.GetString();
        }
        else if (reader.ValueTextEquals("funcname"u8) || reader.ValueTextEquals("objname"u8))
        {
            AddFunction(Names(ref reader));
        }
        else if (reader.ValueTextEquals("objects"u8))
        {
            _tables.Add(Names(ref reader));
        }
        else if (reader.ValueTextEquals("is_program"u8) || reader.ValueTextEquals("filename"u8))
        {
            _classes = (_classes & ~Copy) | StatementClass.Files;
        }
        else if (reader.ValueTextEquals("is_from"u8))
        {
            _classes |= Insert;
        }
        else if (reader.ValueTextEquals("intoClause"u8))
        {
            _classes |= Ddl;
        }
        else
        {
            var name = reader.GetString()!;
            if (name.EndsWith("Stmt", StringComparison.Ordinal) && char.IsAsciiLetterUpper(name[0]))
                _classes |= ClassOf(name);
        }
    }

    private string? _schema;

    private void AddTable(string name)
    {
        _tables.Add(_schema is { } schema ? schema + "." + name : name);
        _schema = null;
    }

    private void AddFunction(string name)
    {
        // What the parser makes of keywords is in a schema that nobody writes.
        _functions.Add(name.StartsWith("pg_catalog.", StringComparison.Ordinal) ? name["pg_catalog.".Length..] : name);
    }

    private static StatementClass ClassOf(string node)
    {
        if (_nodes.TryGetValue(node, out var known))
            return known;
        var isDdl = node.StartsWith("Create", StringComparison.Ordinal) || node.StartsWith("Alter", StringComparison.Ordinal)
            || node.StartsWith("Drop", StringComparison.Ordinal);
        return node is "RawStmt" or "ReturnStmt" or "PLAssignStmt" ? None : isDdl ? Ddl : Unknown;
    }

    /// <summary>The names in a list of <c>String</c> nodes, joined by points.</summary>
    private static string Names(ref Utf8JsonReader reader)
    {
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartArray)
            return reader.TokenType == JsonTokenType.String ? reader.GetString()! : "";
        var depth = reader.CurrentDepth;
        var names = new List<string>();
        while (reader.Read() && reader.CurrentDepth > depth)
        {
            if (reader.TokenType == JsonTokenType.String && names.Count < 8)
                names.Add(reader.GetString()!);
        }

        return string.Join('.', names);
    }
}
