namespace Tosec.Engines.Http;

/// <summary>
/// A strict reader of the chunked coding, beside the lenient one that parses: what two readers may see differently is where
/// requests are smuggled. Accepts hexadecimal sizes of at most 8 digits, extensions of visible characters, CRLF only, and no
/// trailer fields.
/// </summary>
internal struct ChunkedFraming
{
    private const int MaxExtension = 256;

    private State _state;
    private int _digits;
    private int _extension;
    private long _left;

    private enum State : byte
    {
        Size,
        Extension,
        SizeLf,
        Data,
        DataCr,
        DataLf,
        LastCr,
        LastLf,
        Done,
        Broken,
    }

    /// <summary>The last chunk and its empty trailer are complete.</summary>
    public readonly bool Done => _state == State.Done;

    /// <summary>The bytes are not a chunked body.</summary>
    public readonly bool Broken => _state == State.Broken;

    /// <summary>Reads on until the body ends or is broken; what follows the end is left alone. Returns how many bytes were read.</summary>
    public int Read(ReadOnlySpan<byte> bytes)
    {
        var at = 0;
        while (at < bytes.Length && _state < State.Done)
        {
            if (_state == State.Data)
            {
                var step = (int)Math.Min(_left, bytes.Length - at);
                at += step;
                _left -= step;
                if (_left == 0) _state = State.DataCr;
                continue;
            }

            _state = Next(bytes[at++]);
        }

        return at;
    }

    private State Next(byte b)
    {
        switch (_state)
        {
            case State.Size when char.IsAsciiHexDigit((char)b):
                _left = (_left << 4) | Hex(b);
                return ++_digits <= 8 ? State.Size : State.Broken;
            case State.Size when _digits > 0 && b == ';':
                _extension = 0;
                return State.Extension;
            case State.Extension when b is >= 0x20 and < 0x7f or (byte)'\t':
                return ++_extension <= MaxExtension ? State.Extension : State.Broken;
            case State.Size when _digits > 0 && b == '\r':
            case State.Extension when b == '\r':
                return State.SizeLf;
            case State.SizeLf when b == '\n':
                _digits = 0;
                return _left > 0 ? State.Data : State.LastCr;
            case State.DataCr when b == '\r':
                return State.DataLf;
            case State.DataLf when b == '\n':
                return State.Size;
            case State.LastCr when b == '\r':
                return State.LastLf;
            case State.LastLf when b == '\n':
                return State.Done;
            default:
                return State.Broken;
        }
    }

    private static uint Hex(byte b) => b <= '9' ? b - (uint)'0' : (b | 0x20u) - 'a' + 10;
}
