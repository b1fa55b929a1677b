using System.Buffers.Text;
using System.Text;
using Tosec.Engines.Auditor.Policy;

namespace Tosec.Engines.Auditor.Redis;

/// <summary>
/// One connection in Redis' protocol, RESP 2 or 3, with inline commands and pipelines (redis.io, "Redis serialization protocol"). A
/// command is decided on by itself; a refused one waits until all before it are answered.
/// </summary>
internal sealed class RedisConversation : IConversation
{
    private const int MaxWords = 1024 * 1024;
    private const int MaxLine = 64 * 1024;
    private const int MaxShown = 256;

    private readonly AuditSession _session;
    private readonly RespReplies _replies = new();
    private long _sent;
    private long _seen;

    // The server speaks unasked: answers can no more be counted.
    private bool _subscribed;
    private bool _inTransaction;
    private bool _transactionRefused;

    public RedisConversation(AuditSession session)
    {
        _session = session;
        session.Protocol = "redis";
        session.Database = "0";
    }

    public bool IsIdle => _seen == _sent && !_subscribed && _replies.AtBoundary;

    public bool IsOpaque => false;

    public Decision Client(ReadOnlySpan<byte> bytes)
    {
        var words = new List<string>();
        var read = bytes[0] == '*' ? Array(bytes, words, out var count, out var flaw) : Line(bytes, words, out count, out flaw);
        if (flaw is not null) return Broken(flaw);
        if (!read) return Decision.More;
        return words.Count == 0 ? Decision.Release(count) : Command(words, count);
    }

    public string? Server(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_replies.Read(ref bytes, out var rows, out var error) is { } flaw) return flaw;
            if (rows == RespReplies.None || _subscribed) continue;
            if (_seen == _sent) return "an answer without a question";
            _session.Completed(++_seen, rows, error);
        }

        return null;
    }

    private Decision Command(List<string> words, int count)
    {
        var statement = RedisCommands.Judge(words);
        var name = statement.Functions[0];
        if (name is "sync" or "psync") return Broken("replication cannot be inspected");
        if (statement.Functions.Contains("client|reply")) return Broken("a client that wants no answers");
        if (name == "auth" && words.Count > 2) _session.User = words[1];
        if (name == "hello") LoginOf(words);
        var (action, threat) = _session.Judge([statement]);
        if (action == AuditAction.Block)
        {
            _session.Refused([statement]);
            _transactionRefused |= _inTransaction;
            return _subscribed ? Decision.End(threat!, null) : Decision.Refuse(count, threat, () => Error(threat!.SignatureId));
        }

        if (name == "exec" && _transactionRefused)
            return Decision.End(_session.Violation("a transaction with a refused command"), static () => "-EXECABORT Transaction discarded because of previous errors.\r\n"u8.ToArray());
        if (_session.PendingCount >= _session.Settings.PendingLimit) return Broken("more commands than pending-limit without an answer");
        Released(name, words);
        _session.Released(statement, [], ++_sent);
        return Decision.Release(count, threat);
    }

    private void Released(string name, List<string> words)
    {
        if (name == "multi") _inTransaction = true;
        if (name is "exec" or "discard" or "reset") _inTransaction = _transactionRefused = false;
        if (name == "select" && words.Count == 2) _session.Database = words[1];
        _subscribed |= name is "subscribe" or "psubscribe" or "ssubscribe" or "unsubscribe" or "punsubscribe" or "sunsubscribe" or "monitor";
    }

    private void LoginOf(List<string> words)
    {
        for (var i = 2; i + 2 < words.Count; i++)
            if (words[i].Equals("auth", StringComparison.OrdinalIgnoreCase)) _session.User = words[i + 1];
    }

    private static bool Array(ReadOnlySpan<byte> bytes, List<string> words, out int count, out string? flaw)
    {
        if (!Number(bytes, 0, out count, out var length, out flaw)) return false;
        if (length > MaxWords) flaw = "a command of too many words";
        for (var i = 0; i < length && flaw is null; i++)
        {
            if (count < bytes.Length && bytes[count] != '$') flaw = "a word of a command without a length";
            if (flaw is not null || !Number(bytes, count, out count, out var size, out flaw)) return false;
            if (size < 0 || size > int.MaxValue / 2) flaw = "a word of a command without a length";
            else if (bytes.Length - count < size + 2) return false;
            else if (bytes[(int)(count + size)] != '\r' || bytes[(int)(count + size + 1)] != '\n') flaw = "a word of a command without its end";
            if (flaw is not null) return false;
            words.Add(Encoding.UTF8.GetString(bytes.Slice(count, (int)Math.Min(size, MaxShown))));
            count += (int)size + 2;
        }

        return flaw is null;
    }

    /// <summary>Reads a line of one character and a number; <paramref name="end"/> is behind it.</summary>
    private static bool Number(ReadOnlySpan<byte> bytes, int start, out int end, out long number, out string? flaw)
    {
        number = 0;
        flaw = null;
        end = start;
        var rest = bytes[start..];
        var line = rest[..Math.Min(rest.Length, 32)].IndexOf((byte)'\n');
        if (line < 0)
        {
            flaw = rest.Length >= 32 ? "a length without its end" : null;
            return false;
        }

        // Redis itself reads no sign but a minus, and no blanks.
        if (line < 3 || rest[line - 1] != '\r' || !Utf8Parser.TryParse(rest[1..(line - 1)], out number, out var read) || read != line - 2 || rest[1] == '+')
        {
            flaw = "a malformed length";
            return false;
        }

        end = start + line + 1;
        return true;
    }

    private static bool Line(ReadOnlySpan<byte> bytes, List<string> words, out int count, out string? flaw)
    {
        var end = bytes.IndexOf((byte)'\n');
        flaw = end < 0 && bytes.Length > MaxLine ? "a line longer than a command can be" : null;
        count = end + 1;
        if (end < 0) return false;
        var text = Encoding.UTF8.GetString(bytes[..end]).TrimEnd('\r');
        // Quotes change where words end: such a line is one unknown word.
        if (text.AsSpan().IndexOfAny('"', '\'', '\0') >= 0) words.Add("inline command with quotes");
        else words.AddRange(text.Split([' ', '\t', '\r', '\v', '\f'], StringSplitOptions.RemoveEmptyEntries));
        return true;
    }

    private Decision Broken(string reason) =>
        Decision.End(_session.Violation(reason), () => Encoding.ASCII.GetBytes($"-ERR connection blocked: {reason}\r\n"));

    private static byte[] Error(long rule) => Encoding.ASCII.GetBytes(
        rule > 0 ? $"-NOPERM command blocked by policy (rule {rule})\r\n" : "-NOPERM command blocked by policy\r\n");
}
