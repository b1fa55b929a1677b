using System.Net.Sockets;

namespace Tosec.Transport.Shm.Client;

/// <summary>A <see cref="TosecSocket"/> as a stream. One read and one write may run at a time; failures are <see cref="IOException"/>.</summary>
public sealed class TosecStream : Stream
{
    private readonly TosecSocket _socket;
    private readonly bool _ownsSocket;

    /// <param name="socket">A connected socket.</param>
    /// <param name="ownsSocket">Disposing the stream disposes the socket.</param>
    public TosecStream(TosecSocket socket, bool ownsSocket = true)
    {
        ArgumentNullException.ThrowIfNull(socket);
        _socket = socket;
        _ownsSocket = ownsSocket;
    }

    public TosecSocket Socket => _socket;

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override bool CanTimeout => true;

    /// <summary>Of synchronous reads, in milliseconds.</summary>
    public override int ReadTimeout { get; set; } = Timeout.Infinite;

    /// <summary>Of each wait of a synchronous write, in milliseconds.</summary>
    public override int WriteTimeout { get; set; } = Timeout.Infinite;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) => Read(Checked(buffer, offset, count).Span);

    public override int Read(Span<byte> buffer)
    {
        try
        {
            return buffer.IsEmpty ? 0 : _socket.Receive(buffer, ReadTimeout);
        }
        catch (SocketException failure)
        {
            throw Wrap(failure);
        }
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(Checked(buffer, offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            return await _socket.ReceiveAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException failure)
        {
            throw Wrap(failure);
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(Checked(buffer, offset, count).Span);

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        try
        {
            _socket.Send(buffer, WriteTimeout);
        }
        catch (SocketException failure)
        {
            throw Wrap(failure);
        }
    }

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        WriteAsync(Checked(buffer, offset, count), cancellationToken).AsTask();

    public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        try
        {
            await _socket.SendAsync(buffer, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException failure)
        {
            throw Wrap(failure);
        }
    }

    /// <summary>Nothing is kept back here, so there is nothing to do.</summary>
    public override void Flush()
    {
    }

    public override Task FlushAsync(CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? Task.FromCanceled(cancellationToken) : Task.CompletedTask;

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing && _ownsSocket)
            _socket.Dispose();
        base.Dispose(disposing);
    }

    private static Memory<byte> Checked(byte[] buffer, int offset, int count)
    {
        ValidateBufferArguments(buffer, offset, count);
        return buffer.AsMemory(offset, count);
    }

    private static IOException Wrap(SocketException failure) => new(failure.Message, failure);
}
