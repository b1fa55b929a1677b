using System.Buffers.Text;
using System.Text;

namespace Tosec.Engines.Auditor.Redis;

/// <summary>Finds the ends of a Redis server's replies, RESP 2 and 3, and keeps of each what it was: nothing of its content.</summary>
internal sealed class RespReplies
{
    /// <summary>No reply has ended: more is needed, or it was a message that answers nothing.</summary>
    public const long None = long.MinValue;

    private const int MaxDepth = 32;
    private const int MaxKept = 64;

    private readonly byte[] _line = new byte[MaxKept];
    private readonly long[] _left = new long[MaxDepth];
    private int _depth;
    private int _kept;
    private int _lineLength;
    private byte _last;
    private long _skip;
    private long _rows;
    private string _error = "";
    private bool _isPush;

    public bool AtBoundary => _depth == 0 && _lineLength == 0 && _skip == 0;

    /// <summary>Reads up to the end of a reply, or of the bytes.</summary>
    /// <returns>Null, or what is wrong with them.</returns>
    /// <param name="bytes">What was read is taken off.</param>
    /// <param name="rows">Elements of the reply, -1 when it has none to count; <see cref="None"/>: no reply has ended.</param>
    /// <param name="error">The error's first word; empty: it is none.</param>
    public string? Read(ref ReadOnlySpan<byte> bytes, out long rows, out string error)
    {
        rows = None;
        error = "";
        while (!bytes.IsEmpty)
        {
            if (_skip > 0)
            {
                var part = (int)Math.Min(_skip, bytes.Length);
                _skip -= part;
                bytes = bytes[part..];
                if (_skip > 0) return null;
                if (!Ended()) continue;
            }
            else
            {
                var b = bytes[0];
                bytes = bytes[1..];
                if (_kept < MaxKept) _line[_kept++] = b;
                _lineLength++;
                var ends = b == '\n' && _last == '\r';
                _last = b;
                if (!ends) continue;
                if (Line() is not { } ended) return "a malformed reply";
                if (!ended) continue;
            }

            if (_isPush)
            {
                _isPush = false;
                continue;
            }

            rows = _rows;
            error = _error;
            return null;
        }

        return null;
    }

    /// <summary>A line is complete: does a reply end with it? Null: it is none of the protocol's.</summary>
    private bool? Line()
    {
        var type = _line[0];
        var text = _line.AsSpan(1, Math.Max(0, Math.Min(_kept, _lineLength) - 1));
        var outermost = _depth == 0;
        _kept = 0;
        _lineLength = 0;
        _last = 0;
        if (outermost)
        {
            _rows = -1;
            _error = "";
            _isPush = type == '>';
        }

        switch ((char)type)
        {
            case '+' or ':' or '_' or ',' or '#' or '(':
                return Ended();
            case '-':
                if (outermost) _error = FirstWord(text);
                return Ended();
            case '$' or '!' or '=':
                if (!TryNumber(text, out var length) || length is < -1 or > 1L << 40) return null;
                if (outermost) _rows = length < 0 ? 0 : 1;
                if (outermost && type == '!') _error = "error";
                if (length < 0) return Ended();
                _skip = length + 2;
                return false;
            case '*' or '~' or '>' or '%' or '|':
                if (!TryNumber(text, out var count) || count is < -1 or > 1L << 32) return null;
                if (outermost) _rows = Math.Max(count, 0);
                var elements = type is (byte)'%' or (byte)'|' ? count * 2 : count;
                // Attributes come before the value that they are of.
                if (type == '|') elements++;
                if (elements <= 0) return Ended();
                if (_depth == MaxDepth) return null;
                _left[_depth++] = elements;
                return false;
            default:
                return null;
        }
    }

    /// <summary>A value has ended, and with it perhaps those around it.</summary>
    private bool Ended()
    {
        while (_depth > 0)
        {
            if (--_left[_depth - 1] > 0) return false;
            _depth--;
        }

        return true;
    }

    private static bool TryNumber(ReadOnlySpan<byte> text, out long number)
    {
        number = 0;
        return text.Length > 2 && Utf8Parser.TryParse(text, out number, out var read) && read == text.Length - 2;
    }

    private static string FirstWord(ReadOnlySpan<byte> text)
    {
        var end = text.IndexOfAny((byte)' ', (byte)'\r');
        return Encoding.ASCII.GetString(end < 0 ? text : text[..end]);
    }
}
