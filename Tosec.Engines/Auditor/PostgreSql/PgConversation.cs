using System.Buffers.Binary;
using Tosec.Actors.Inspection;
using Tosec.Engines.Auditor.Policy;
using Tosec.Engines.Auditor.Sql;

namespace Tosec.Engines.Auditor.PostgreSql;

/// <summary>
/// One connection in PostgreSQL's frontend/backend protocol 3 (PostgreSQL documentation, chapter 55). What is decided on as one: a start-up
/// packet, a simple query, or the messages of the extended protocol up to their Sync or Flush, of which the server may undo the first
/// for an error in the last.
/// </summary>
internal sealed partial class PgConversation : IConversation
{
    private const int SslRequest = 80877103;
    private const int GssRequest = 80877104;
    private const int CancelRequest = 80877102;
    private const int MaxStartup = 10_000;

    private readonly AuditSession _session;
    private readonly PgPrepared _prepared;
    private Phase _phase;

    // Units that end in ReadyForQuery: released, and answered.
    private long _readySent;
    private long _readySeen;

    // A part of an extended query was flushed to the server, and its Sync has not followed.
    private bool _open;

    // A flushed part was refused: everything up to the Sync is for nobody.
    private bool _skipsToSync;

    // Bytes of a CopyData message that are still to come.
    private int _copyRest;

    public PgConversation(AuditSession session)
    {
        _session = session;
        session.Protocol = "postgresql";
        _prepared = new PgPrepared(session.Settings.PreparedLimit);
    }

    private enum Phase : byte
    {
        Startup,

        /// <summary>The client has asked for encryption, the server has not said.</summary>
        EncryptionAsked,
        Encrypted,
        Authentication,
        Queries,
        Over,
    }

    public bool IsIdle => _phase is Phase.Startup or Phase.Queries && _readySeen == _readySent && !_open && ServerAtBoundary;

    public bool IsOpaque => _phase == Phase.Encrypted;

    public Decision Client(ReadOnlySpan<byte> bytes) => _phase switch
    {
        Phase.Startup => Startup(bytes),
        Phase.EncryptionAsked => Decision.More,
        Phase.Authentication => Authentication(bytes),
        Phase.Queries => _copyRest > 0 ? CopyData(bytes) : Unit(bytes),
        _ => Decision.End(_session.Violation("bytes behind the end of the session"), null),
    };

    private Decision Startup(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 8) return Decision.More;
        var length = BinaryPrimitives.ReadInt32BigEndian(bytes);
        var code = BinaryPrimitives.ReadInt32BigEndian(bytes[4..]);
        if (length is < 8 or > MaxStartup) return Broken("not a start-up packet of PostgreSQL");
        if (bytes.Length < length) return Decision.More;
        switch (code)
        {
            case SslRequest or GssRequest when length == 8:
                if (!_session.Settings.PassEncrypted) return Decision.Refuse(8, null, static () => [(byte)'N']);
                _phase = Phase.EncryptionAsked;
                return Decision.Release(8);
            case CancelRequest when length == 16:
                return Begin(Statement.Of(StatementClass.Admin, "cancel request"), length, Phase.Over);
            default:
                return code >> 16 == 3 ? Begin(bytes[8..length], length) : Broken("a protocol version other than 3");
        }
    }

    private Decision Begin(ReadOnlySpan<byte> parameters, int length)
    {
        var classes = StatementClass.Connect;
        while (parameters.Length > 1)
        {
            if (!PgText.TryTake(ref parameters, out var name) || !PgText.TryTake(ref parameters, out var value))
                return Broken("a malformed start-up packet");
            if (name == "user") _session.User = value;
            if (name == "database") _session.Database = value;
            if (name == "replication" && value is not ("false" or "off" or "no" or "0")) classes |= StatementClass.Replication;
        }

        if (parameters.Length != 1 || parameters[0] != 0) return Broken("a malformed start-up packet");
        if (_session.Database.Length == 0) _session.Database = _session.User;
        return Begin(Statement.Of(classes, "connect"), length, Phase.Authentication);
    }

    private Decision Begin(Statement statement, int length, Phase next)
    {
        var (action, threat) = _session.Judge([statement]);
        if (action == AuditAction.Block)
        {
            _session.Refused([statement]);
            return Decision.End(threat!, static () => PgAnswer.Fatal("28000", "connection blocked by policy"));
        }

        _phase = next;
        _session.Released(statement, [], _readySent + 1);
        if (next == Phase.Authentication) _readySent++;
        return Decision.Release(length, threat);
    }

    // Passwords and tokens: passed, never kept.
    private Decision Authentication(ReadOnlySpan<byte> bytes)
    {
        if (!PgText.TryMessage(bytes, out var type, out var length)) return Decision.More;
        if (length < 0) return Broken("a message without a length");
        if (bytes.Length < length) return Decision.More;
        return type switch
        {
            (byte)'p' or (byte)'X' => Decision.Release(length),
            // The server has to say first whom it talks to.
            (byte)'Q' or (byte)'P' or (byte)'S' => Decision.More,
            _ => Broken("not a message of authentication"),
        };
    }

    // First only where it ends: what is not complete is not read again with every byte.
    private Decision Unit(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (true)
        {
            if (!PgText.TryMessage(bytes[at..], out var type, out var length)) return Decision.More;
            if (length < 0) return Broken("a message without a length");
            var extended = type is (byte)'P' or (byte)'B' or (byte)'E' or (byte)'D' or (byte)'C';
            // Whatever it is, it ends what came before it without a Sync.
            if (at > 0 && !extended && type is not ((byte)'H' or (byte)'S')) return Extended(bytes[..at], endsInReady: false);
            if (type == 'd' && !_skipsToSync)
            {
                _copyRest = length;
                return CopyData(bytes);
            }

            if (bytes.Length - at < length) return Decision.More;
            at += length;
            if (_skipsToSync) return Skip(type, length);
            if (type is (byte)'H' or (byte)'S') return Extended(bytes[..at], endsInReady: type == 'S');
            if (!extended) return Single(type, bytes[5..length], length);
        }
    }

    private Decision Single(byte type, ReadOnlySpan<byte> body, int count)
    {
        switch (type)
        {
            case (byte)'Q':
                return PgText.TryTakeLast(body, out var text)
                    ? Judge(new PgUnit().With(SqlJudge.Judge(text, SqlDialect.PostgreSql, backslashEscapes: false)), count, endsInReady: true)
                    : Broken("a query without its end");
            case (byte)'F':
                return Judge(new PgUnit().With([Statement.Of(StatementClass.Unknown, "function call by number")]), count, endsInReady: true);
            case (byte)'c' or (byte)'f':
                return Decision.Release(count);
            case (byte)'X':
                _phase = Phase.Over;
                return Decision.Release(count);
            default:
                return Broken("not a message of a client's");
        }
    }

    private Decision Extended(ReadOnlySpan<byte> bytes, bool endsInReady)
    {
        var unit = new PgUnit();
        var count = bytes.Length;
        while (PgText.TryMessage(bytes, out var type, out var length))
        {
            if (type is not ((byte)'H' or (byte)'S') && _prepared.Take(type, bytes[5..length], unit) is { } flaw) return Broken(flaw);
            bytes = bytes[length..];
        }

        return Judge(unit, count, endsInReady);
    }

    private Decision Judge(PgUnit unit, int count, bool endsInReady)
    {
        var (action, threat) = _session.Judge(unit.Statements);
        if (action == AuditAction.Block)
        {
            _session.Refused(unit.Statements);
            var error = PgAnswer.Error("42501", Message(threat!));
            if (_open) return Decision.End(threat!, null);
            _skipsToSync = !endsInReady;
            return Decision.Refuse(count, threat, () => endsInReady ? PgAnswer.WithReady(error, _status) : error);
        }

        if (_session.PendingCount + unit.Executions.Count > _session.Settings.PendingLimit)
            return Broken("more statements than pending-limit without an answer");
        foreach (var (statement, parameters) in unit.Executions) _session.Released(statement, parameters, _readySent + 1);
        if (endsInReady) _readySent++;
        _open = !endsInReady;
        return Decision.Release(count, threat);
    }

    private Decision Skip(byte type, int length)
    {
        if (type != 'S') return Decision.Refuse(length, null, null);
        _skipsToSync = false;
        return Decision.Refuse(length, null, () => PgAnswer.Ready(_status));
    }

    // Data is not looked at: it passes as it comes.
    private Decision CopyData(ReadOnlySpan<byte> bytes)
    {
        var part = Math.Min(bytes.Length, _copyRest);
        _copyRest -= part;
        return Decision.Release(part);
    }

    private Decision Broken(string reason) =>
        Decision.End(_session.Violation(reason), () => PgAnswer.Fatal("08P01", "connection blocked: " + reason));

    private static string Message(Threat threat) =>
        threat.SignatureId > 0 ? $"statement blocked by policy (rule {threat.SignatureId})" : "statement blocked by policy";
}
