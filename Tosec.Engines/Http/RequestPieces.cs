namespace Tosec.Engines.Http;

/// <summary>
/// Where a client's requests end: the parser is given no byte behind that together with the request. It would wait for the rest of
/// a line before it says that the request is complete, and take a line that begins with no known method for more of its body.
/// </summary>
internal struct RequestPieces
{
    private State _state;
    private bool _lineHasText;
    private long _left;
    private ChunkedFraming _chunks;

    private enum State : byte
    {
        Head,
        Length,
        Chunked,

        /// <summary>Its end is not known; there is nothing to part.</summary>
        Endless,
    }

    /// <summary>The head is complete; its body follows.</summary>
    public void HeadComplete(HttpFraming framing, long contentLength)
    {
        (_state, _left) = framing switch
        {
            HttpFraming.None => (State.Head, 0),
            HttpFraming.Length when contentLength == 0 => (State.Head, 0),
            HttpFraming.Length => (State.Length, contentLength),
            HttpFraming.Chunked => (State.Chunked, 0L),
            _ => (State.Endless, 0),
        };
        _chunks = default;
        _lineHasText = false;
    }

    /// <summary>How many of these bytes, at least one, go to the parser at once: those up to the end of a head or of a body.</summary>
    public int Next(ReadOnlySpan<byte> bytes)
    {
        switch (_state)
        {
            case State.Head:
                return UpToEmptyLine(bytes);
            case State.Length:
                var length = (int)Math.Min(_left, bytes.Length);
                _left -= length;
                if (_left == 0) _state = State.Head;
                return length;
            case State.Chunked:
                var read = _chunks.Read(bytes);
                if (_chunks.Done) _state = State.Head;
                else if (_chunks.Broken) _state = State.Endless;
                return _chunks.Broken ? bytes.Length : read;
            default:
                return bytes.Length;
        }
    }

    private int UpToEmptyLine(ReadOnlySpan<byte> bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var end = bytes[at..].IndexOf((byte)'\n');
            var line = end < 0 ? bytes[at..] : bytes.Slice(at, end);
            var hasText = _lineHasText || line.ContainsAnyExcept((byte)'\r');
            if (end < 0)
            {
                _lineHasText = hasText;
                break;
            }

            at += end + 1;
            _lineHasText = false;
            if (!hasText) return at;
        }

        return bytes.Length;
    }
}
