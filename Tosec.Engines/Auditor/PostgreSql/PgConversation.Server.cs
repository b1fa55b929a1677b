using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Tosec.Engines.Auditor.PostgreSql;

// The server's stream: never held; read for what became of the statements.
internal sealed partial class PgConversation
{
    // Bytes of a message's body that are kept; of none more is needed.
    private const int MaxKept = 1024;
    private const string Known = "RKSZTDCEINAntGHWVdc123sv";

    private readonly byte[] _head = new byte[5];
    private readonly byte[] _kept = new byte[MaxKept];
    private int _headCount;
    private int _keptCount;
    private int _bodyRest;
    private byte _status = (byte)'I';

    private bool ServerAtBoundary => _headCount == 0;

    public string? Server(ReadOnlySpan<byte> bytes)
    {
        if (_phase == Phase.EncryptionAsked && !bytes.IsEmpty)
        {
            if (bytes.Length != 1) return "more than one byte in answer to a request for encryption";
            _phase = bytes[0] is (byte)'S' or (byte)'G' ? Phase.Encrypted : Phase.Startup;
            return bytes[0] is (byte)'S' or (byte)'G' or (byte)'N' ? null : "not an answer to a request for encryption";
        }

        while (!bytes.IsEmpty)
        {
            if (_headCount < _head.Length)
            {
                _head[_headCount++] = bytes[0];
                bytes = bytes[1..];
                if (_headCount < _head.Length) continue;
                _bodyRest = BinaryPrimitives.ReadInt32BigEndian(_head.AsSpan(1)) - 4;
                if (_bodyRest < 0 || !Known.Contains((char)_head[0])) return "not a message of a server's";
                _keptCount = 0;
            }

            var part = bytes[..Math.Min(bytes.Length, _bodyRest)];
            var kept = part[..Math.Min(part.Length, MaxKept - _keptCount)];
            kept.CopyTo(_kept.AsSpan(_keptCount));
            _keptCount += kept.Length;
            _bodyRest -= part.Length;
            bytes = bytes[part.Length..];
            if (_bodyRest > 0) continue;
            _headCount = 0;
            if (Message(_head[0], _kept.AsSpan(0, _keptCount)) is { } reason) return reason;
        }

        return null;
    }

    private string? Message(byte type, ReadOnlySpan<byte> body)
    {
        if (_phase == Phase.Startup) return type == 'E' ? null : "an answer without a question";
        var batch = _readySeen + 1;
        switch (type)
        {
            case (byte)'D':
                _session.Row();
                break;
            case (byte)'R' when body.Length >= 4 && BinaryPrimitives.ReadInt32BigEndian(body) == 0:
                _session.Completed(batch, -1);
                break;
            case (byte)'C':
                _session.Completed(batch, RowsOf(body));
                break;
            case (byte)'I' or (byte)'s':
                _session.Completed(batch, -1);
                break;
            case (byte)'E':
                _session.Completed(batch, -1, CodeOf(body));
                break;
            case (byte)'Z':
                if (_readySeen == _readySent) return "an answer without a question";
                _session.BatchEnded(batch);
                _readySeen++;
                _status = body.Length > 0 ? body[0] : (byte)'I';
                if (_phase == Phase.Authentication) _phase = Phase.Queries;
                break;
        }

        return null;
    }

    // The tag's last word, as in "INSERT 0 5" and "SELECT 12".
    private static long RowsOf(ReadOnlySpan<byte> tag)
    {
        tag = tag.TrimEnd((byte)0);
        var word = tag[(tag.LastIndexOf((byte)' ') + 1)..];
        return long.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var rows) ? rows : -1;
    }

    private static string CodeOf(ReadOnlySpan<byte> fields)
    {
        while (fields.Length > 1)
        {
            var end = fields.IndexOf((byte)0);
            if (end < 0) break;
            if (fields[0] == 'C') return Encoding.ASCII.GetString(fields[1..end]);
            fields = fields[(end + 1)..];
        }

        return "error";
    }
}
