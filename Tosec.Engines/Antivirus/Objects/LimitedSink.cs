using Tosec.Engines.Antivirus.Clamd;

namespace Tosec.Engines.Antivirus.Objects;

/// <summary>Writes into a file up to a limit, and then nothing more.</summary>
internal sealed class LimitedSink(MemoryFile file, long limit) : Stream
{
    public bool Overflowed { get; private set; }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => file.Length;

    public override long Position
    {
        get => file.Length;
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        Overflowed |= file.Length + buffer.Length > limit;
        if (!Overflowed) file.Append(buffer);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();
}
