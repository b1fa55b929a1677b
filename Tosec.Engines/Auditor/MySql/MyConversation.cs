using System.Buffers.Binary;
using Tosec.Actors.Inspection;
using Tosec.Engines.Auditor.Policy;
using Tosec.Engines.Auditor.Sql;

namespace Tosec.Engines.Auditor.MySql;

/// <summary>
/// One connection in MySQL's client/server protocol 10, as MySQL and MariaDB speak it. One command at a time: a client that sends the
/// next before the answer to the last waits.
/// </summary>
internal sealed partial class MyConversation : IConversation
{
    private const uint ClientConnectWithDb = 0x8;
    private const uint ClientCompress = 0x20;
    private const uint ClientLocalFiles = 0x80;
    private const uint ClientProtocol41 = 0x200;
    private const uint ClientSsl = 0x800;
    private const uint ClientSecureConnection = 0x8000;
    private const uint ClientLenencAuth = 0x200000;
    private const uint ClientDeprecateEof = 0x1000000;
    private const uint ClientOptionalMetadata = 0x2000000;
    private const uint ClientZstd = 0x4000000;
    private const uint ClientQueryAttributes = 0x8000000;

    // What a server may offer and this reader does not read: a client is not offered it.
    private const uint NotOffered = ClientCompress | ClientZstd | ClientOptionalMetadata | ClientQueryAttributes | ClientDeprecateEof;

    private readonly AuditSession _session;
    private readonly MyPrepared _prepared;
    private Phase _phase;
    private uint _capabilities;
    private long _batch = 1;

    // During authentication: the server waits for a packet of the client's.
    private bool _asked;

    // Session statement of USE or COM_INIT_DB that names the next database.
    private string? _nextDatabase;

    public MyConversation(AuditSession session)
    {
        _session = session;
        session.Protocol = "mysql";
        _prepared = new MyPrepared(session.Settings.PreparedLimit);
    }

    private enum Phase : byte
    {
        /// <summary>The server speaks first.</summary>
        Greeting,
        Login,
        Authentication,

        /// <summary>The client may send a command.</summary>
        Idle,

        /// <summary>A command awaits its answer.</summary>
        Answer,

        /// <summary>The server reads a file of the client's.</summary>
        LocalFile,
        Encrypted,
        Over,
    }

    public bool IsIdle => _phase is Phase.Login or Phase.Idle && ServerAtBoundary;

    public bool IsOpaque => _phase == Phase.Encrypted;

    public Decision Client(ReadOnlySpan<byte> bytes)
    {
        if (_phase is Phase.Over) return Broken("bytes behind the end of the session");
        if (_phase is Phase.Greeting or Phase.Answer) return Decision.More;
        if (!MyPackets.TryHead(bytes, out var length, out var sequence)) return Decision.More;
        if (length == MyPackets.MaxPayload) return Broken("a packet of 16 MiB");
        if (bytes.Length < MyPackets.Head + length) return Decision.More;
        var body = bytes.Slice(MyPackets.Head, length);
        return _phase switch
        {
            Phase.Login => Login(body, sequence),
            Phase.Authentication => Authentication(MyPackets.Head + length),
            Phase.LocalFile => LocalFile(length),
            _ => sequence == 0 && length > 0 ? Command(body) : Broken("a command out of sequence"),
        };
    }

    public bool AwaitsGreeting => _phase == Phase.Greeting;

    /// <summary>The greeting goes on without the offers that could not be inspected, so that no client takes them up.</summary>
    public Decision Greeting(ReadOnlySpan<byte> bytes)
    {
        const int MaxGreeting = 4096;
        if (!MyPackets.TryHead(bytes, out var length, out _)) return Decision.More;
        var count = MyPackets.Head + length;
        if (length is 0 or > MaxGreeting) return Broken("not a greeting");
        if (bytes.Length < count) return Decision.More;
        var greeting = bytes[..count].ToArray();
        if (greeting[MyPackets.Head] == 0xff)
        {
            // Too many connections, a blocked host: the server says why, and ends.
            _phase = Phase.Over;
            return Decision.Refuse(count, null, null, greeting);
        }

        var version = greeting.AsSpan(MyPackets.Head + 1).IndexOf((byte)0);
        var at = MyPackets.Head + 1 + version + 1 + 13;
        if (greeting[MyPackets.Head] != 10 || version < 0 || at + 18 > count) return Broken("not a greeting of protocol 10");
        var hidden = NotOffered | (_session.Settings.PassEncrypted ? 0 : ClientSsl);
        var low = greeting.AsSpan(at, 2);
        var high = greeting.AsSpan(at + 5, 2);
        BinaryPrimitives.WriteUInt16LittleEndian(low, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(low) & ~hidden));
        BinaryPrimitives.WriteUInt16LittleEndian(high, (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(high) & ~(hidden >> 16)));
        // MariaDB's own offers, in what is reserved: bulk runs, cached metadata.
        greeting.AsSpan(at + 14, 4).Clear();
        _phase = Phase.Login;
        return Decision.Refuse(count, null, null, greeting);
    }

    private Decision Login(ReadOnlySpan<byte> body, byte sequence)
    {
        var count = MyPackets.Head + body.Length;
        if (sequence != 1 || body.Length < 32) return Broken("not a login of protocol 4.1");
        _capabilities = BinaryPrimitives.ReadUInt32LittleEndian(body);
        if ((_capabilities & ClientProtocol41) == 0) return Broken("a login older than protocol 4.1");
        if ((_capabilities & NotOffered) != 0) return Broken("a client that uses what was not offered");
        if ((_capabilities & ClientSsl) != 0)
        {
            if (!_session.Settings.PassEncrypted) return Broken("an encrypted connection, which was not offered");
            _phase = Phase.Encrypted;
            return Decision.Release(count);
        }

        if (!TryReadLogin(body[32..])) return Broken("a malformed login");
        var login = Statement.Of(StatementClass.Connect, "connect");
        var (action, threat) = _session.Judge([login]);
        if (action == AuditAction.Block)
        {
            _session.Refused([login]);
            return Decision.End(threat!, static () => MyPackets.Error(2, 1045, "28000", "connection blocked by policy"));
        }

        _phase = Phase.Authentication;
        _session.Released(login, [], _batch);
        return Decision.Release(count, threat);
    }

    // Passwords and tokens: passed, never kept, and only when the server has asked for one: what is sent unasked is a command.
    private Decision Authentication(int count)
    {
        if (!_asked) return Decision.More;
        _asked = false;
        return Decision.Release(count);
    }

    private bool TryReadLogin(ReadOnlySpan<byte> rest)
    {
        if (!MyPackets.TryTakeText(ref rest, out var user)) return false;
        _session.User = user;
        if ((_capabilities & ClientLenencAuth) != 0)
        {
            if (!MyPackets.TryTakeInteger(ref rest, out var length) || length > (ulong)rest.Length) return false;
            rest = rest[(int)length..];
        }
        else if ((_capabilities & ClientSecureConnection) != 0)
        {
            if (rest.IsEmpty || rest[0] + 1 > rest.Length) return false;
            rest = rest[(rest[0] + 1)..];
        }
        else if (!MyPackets.TryTakeText(ref rest, out _))
        {
            return false;
        }

        if ((_capabilities & ClientConnectWithDb) != 0)
        {
            if (!MyPackets.TryTakeText(ref rest, out var database)) return false;
            _session.Database = database;
        }

        return true;
    }

    // Data passes as it comes; an empty packet is its end.
    private Decision LocalFile(int length)
    {
        if (length == 0) Await(Answer.Result);
        return Decision.Release(MyPackets.Head + length);
    }

    private Decision Command(ReadOnlySpan<byte> body)
    {
        var count = MyPackets.Head + body.Length;
        var rest = body[1..];
        switch (body[0])
        {
            case 0x01: // COM_QUIT
                _phase = Phase.Over;
                return Decision.Release(count);
            case 0x02: // COM_INIT_DB
                _nextDatabase = System.Text.Encoding.UTF8.GetString(rest);
                return Judge(Statement.Of(StatementClass.Session, "use " + _nextDatabase), count, Answer.Simple);
            case 0x03: // COM_QUERY
                return Query(rest, count);
            case 0x04: // COM_FIELD_LIST
                return Judge(Statement.Of(StatementClass.Session, "field list"), count, Answer.Fields);
            case 0x09: // COM_STATISTICS
                return Judge(Statement.Of(StatementClass.Session, "statistics"), count, Answer.Text);
            case 0x0e or 0x1f: // COM_PING, COM_RESET_CONNECTION
                if (body[0] == 0x1f) _prepared.Clear();
                return Judge(Statement.Of(StatementClass.Session, body[0] == 0x0e ? "ping" : "reset connection"), count, Answer.Simple);
            case 0x1b: // COM_SET_OPTION
                return Judge(Statement.Of(StatementClass.Session, "set option"), count, Answer.Simple);
            case 0x16: // COM_STMT_PREPARE
                _prepared.Asked = SqlJudge.Judge(rest, SqlDialect.MySql, BackslashEscapes(rest));
                return Judge(_prepared.Asked, [], count, Answer.Prepare, isRun: false);
            case 0x17: // COM_STMT_EXECUTE
                return _prepared.TryRun(rest, out var run, out var parameters)
                    ? Judge(run, parameters, count, Answer.Result)
                    : Broken("a malformed run of a prepared statement");
            case 0x18: // COM_STMT_SEND_LONG_DATA
                return Decision.Release(count);
            case 0x19: // COM_STMT_CLOSE
                if (rest.Length >= 4) _prepared.Close(BinaryPrimitives.ReadUInt32LittleEndian(rest));
                return Decision.Release(count);
            case 0x1a: // COM_STMT_RESET
                return Judge(Statement.Of(StatementClass.Session, "reset statement"), count, Answer.Simple);
            case 0x1c: // COM_STMT_FETCH
                return Judge(Statement.Of(StatementClass.Select, "fetch"), count, Answer.Rows);
            case 0x11: // COM_CHANGE_USER
                return Broken("another login on the same connection");
            case 0x12 or 0x1e: // COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID
                return Broken("replication cannot be inspected");
            case 0x05 or 0x06 or 0x07 or 0x08 or 0x0a or 0x0c or 0x0d: // databases, refresh, shutdown, processes
                return Judge(Statement.Of(StatementClass.Admin | StatementClass.Unknown, $"command {body[0]}"), count,
                    body[0] == 0x0a ? Answer.Result : Answer.Simple);
            default:
                return Judge(Statement.Of(StatementClass.Unknown, $"command {body[0]}"), count, Answer.Simple);
        }
    }

    private Decision Query(ReadOnlySpan<byte> text, int count)
    {
        return Judge(SqlJudge.Judge(text, SqlDialect.MySql, BackslashEscapes(text)), [], count, Answer.Result);
    }

    // A text that may change how its own rest is read is read in the way that leaves it doubtful.
    private bool BackslashEscapes(ReadOnlySpan<byte> text)
    {
        if (_noBackslashEscapes) return false;
        if (!text.Contains((byte)'\\')) return true;
        var name = "sql_mode"u8;
        for (var i = 0; i + name.Length <= text.Length; i++)
            if (System.Text.Ascii.EqualsIgnoreCase(text.Slice(i, name.Length), name)) return false;
        return true;
    }

    private Decision Judge(Statement statement, int count, Answer answer) => Judge([statement], [], count, answer);

    private Decision Judge(IReadOnlyList<Statement> statements, IReadOnlyList<string?> parameters, int count, Answer answer, bool isRun = true)
    {
        var (action, threat) = _session.Judge(statements);
        if (action == AuditAction.Block)
        {
            _session.Refused(statements);
            _nextDatabase = null;
            var rule = threat!.SignatureId;
            return Decision.Refuse(count, threat, () => MyPackets.Error(1, 1142, "42000", rule > 0 ? $"statement blocked by policy (rule {rule})" : "statement blocked by policy"));
        }

        if (isRun)
            foreach (var statement in statements) _session.Released(statement, parameters, _batch);
        if (statements is [{ Classes: StatementClass.Session } use] && use.Normalized.StartsWith("use ", StringComparison.Ordinal))
            _nextDatabase = use.Normalized[4..].Trim('`', ' ');
        Await(answer);
        return Decision.Release(count, threat);
    }

    private Decision Broken(string reason) =>
        Decision.End(_session.Violation(reason), () => MyPackets.Error((byte)(_phase == Phase.Login ? 2 : 1), 1047, "08S01", "connection blocked: " + reason));
}
