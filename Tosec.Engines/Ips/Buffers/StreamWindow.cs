namespace Tosec.Engines.Ips.Buffers;

/// <summary>
/// The last bytes of one direction of a connection, and where in them the current message begins. One thread.
/// </summary>
/// <remarks>
/// When it is full its first half goes. That happens at fixed positions of the stream, whatever the payloads were, so that what a
/// rule sees does not depend on how the bytes were parted.
/// </remarks>
internal sealed class StreamWindow(int size) : IDisposable
{
    private ByteStore _bytes;

    /// <summary>Position in the stream of the first byte that is kept.</summary>
    public long Start { get; private set; }

    /// <summary>Position behind the last byte.</summary>
    public long End => Start + _bytes.Length;

    /// <summary>Position of the message's first byte.</summary>
    public long Message { get; private set; }

    /// <summary>The message's first bytes are gone: it cannot be asked as a whole any more.</summary>
    public bool MessageIsCut => Message < Start;

    public int Room => size - _bytes.Length;

    public ReadOnlySpan<byte> Bytes => _bytes.Span;

    /// <param name="bytes">At most <see cref="Room"/>.</param>
    public void Append(ReadOnlySpan<byte> bytes) => _bytes.Append(bytes);

    public void BeginMessage() => Message = End;

    /// <summary>Lets the first half go.</summary>
    public void Slide()
    {
        var half = Math.Min(size / 2, _bytes.Length);
        _bytes.Drop(half);
        Start += half;
    }

    /// <summary>Forgets all bytes and gives the memory back; positions go on.</summary>
    public void Release(int skipped)
    {
        Start = End + skipped;
        Message = Start;
        _bytes.Dispose();
    }

    /// <summary>The bytes from a position on; valid until the next change.</summary>
    public ReadOnlySpan<byte> From(long position) => _bytes.Span[(int)(Math.Max(position, Start) - Start)..];

    public void Dispose() => _bytes.Dispose();
}
