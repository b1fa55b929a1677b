using System.IO.Pipelines;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Tosec.Transport.Shm.Client;

namespace Tosec.AspNetCore;

/// <summary>
/// An accepted connection: a pipe each way between Kestrel and the socket, and a loop for each, on the thread pool and without a
/// blocked thread. It closes when both loops have ended, so that an answer is sent to its last byte.
/// </summary>
internal sealed class TosecConnection : DefaultConnectionContext
{
    private const int SmallestBuffer = 4096;

    private readonly TosecSocket _socket;
    private readonly bool _serveHalfClosed;
    private readonly Pipe _incoming;
    private readonly Pipe _outgoing;
    private readonly CancellationTokenSource _closed = new();
    private ConnectionAbortedException? _abortReason;
    private Task _running = Task.CompletedTask;

    private TosecConnection(TosecSocket socket, TosecTransportOptions options) : base(Guid.NewGuid().ToString("N"))
    {
        _socket = socket;
        _serveHalfClosed = options.ServeHalfClosed;
        _incoming = new Pipe(Bounded(options));
        _outgoing = new Pipe(Bounded(options));
        LocalEndPoint = socket.LocalEndPoint;
        RemoteEndPoint = socket.RemoteEndPoint;
        ConnectionClosed = _closed.Token;
        Transport = new Duplex(_incoming.Reader, _outgoing.Writer);
        Application = new Duplex(_outgoing.Reader, _incoming.Writer);
    }

    /// <summary>The connection owns the socket.</summary>
    public static TosecConnection Start(TosecSocket socket, TosecTransportOptions options)
    {
        try
        {
            socket.NoDelay = true;
        }
        catch (SocketException)
        {
            // It is gone already; receiving says how.
        }

        var connection = new TosecConnection(socket, options);
        connection._running = Task.Run(connection.RunAsync);
        return connection;
    }

    /// <summary>Ends both ways at once: the peer gets a reset.</summary>
    public override void Abort(ConnectionAbortedException abortReason)
    {
        if (Interlocked.CompareExchange(ref _abortReason, abortReason, null) is not null)
            return;
        _socket.Abort();
        _outgoing.Reader.CancelPendingRead();
        _incoming.Writer.CancelPendingFlush();
    }

    public override async ValueTask DisposeAsync()
    {
        // Kestrel has finished with its ends of the pipes, or will not come back to them.
        await Transport.Input.CompleteAsync().ConfigureAwait(false);
        await Transport.Output.CompleteAsync().ConfigureAwait(false);
        await _running.ConfigureAwait(false);
        _closed.Dispose();
        await base.DisposeAsync().ConfigureAwait(false);
    }

    private static PipeOptions Bounded(TosecTransportOptions options) =>
        new(pauseWriterThreshold: options.BufferBytes, resumeWriterThreshold: options.BufferBytes / 2, useSynchronizationContext: false);

    private async Task RunAsync()
    {
        using var sent = new CancellationTokenSource();
        var receiving = ReceiveAllAsync(sent.Token);
        await SendAllAsync().ConfigureAwait(false);
        // The answer is out: what the peer may still say is nobody's.
        await sent.CancelAsync().ConfigureAwait(false);
        await receiving.ConfigureAwait(false);
        _socket.Dispose();
        await SayClosedAsync().ConfigureAwait(false);
    }

    private async Task ReceiveAllAsync(CancellationToken sent)
    {
        Exception? error = null;
        try
        {
            while (true)
            {
                // First without a buffer: an idle connection has none.
                await _socket.ReceiveAsync(Memory<byte>.Empty, sent).ConfigureAwait(false);
                var received = await _socket.ReceiveAsync(_incoming.Writer.GetMemory(SmallestBuffer), sent).ConfigureAwait(false);
                if (received == 0)
                    break;
                _incoming.Writer.Advance(received);
                var flushed = await _incoming.Writer.FlushAsync(sent).ConfigureAwait(false);
                if (flushed.IsCompleted || flushed.IsCanceled)
                    break;
            }
        }
        catch (Exception failure)
        {
            error = sent.IsCancellationRequested ? null : Told(failure);
        }

        await _incoming.Writer.CompleteAsync(_abortReason ?? error).ConfigureAwait(false);
        if (error is not null || !_serveHalfClosed)
            await SayClosedAsync().ConfigureAwait(false);
        // A sender that waits for the server to say more learns of the end by this.
        if (error is not null)
            _outgoing.Reader.CancelPendingRead();
    }

    private async Task SendAllAsync()
    {
        Exception? error = null;
        try
        {
            while (true)
            {
                var read = await _outgoing.Reader.ReadAsync().ConfigureAwait(false);
                foreach (var part in read.Buffer)
                    await _socket.SendAsync(part).ConfigureAwait(false);
                _outgoing.Reader.AdvanceTo(read.Buffer.End);
                if (read.IsCompleted || read.IsCanceled)
                    break;
            }

            _socket.Shutdown(SocketShutdown.Send);
        }
        catch (Exception failure)
        {
            error = Told(failure);
        }

        await _outgoing.Reader.CompleteAsync(error).ConfigureAwait(false);
    }

    // As Kestrel's own transport tells it, which its logging and its callers know.
    private Exception Told(Exception failure) => (failure, _abortReason) switch
    {
        (_, { } reason) => reason,
        (SocketException { SocketErrorCode: SocketError.ConnectionReset or SocketError.Shutdown } reset, _) =>
            new ConnectionResetException(reset.Message, reset),
        (SocketException or ObjectDisposedException or OperationCanceledException, _) => new ConnectionAbortedException(failure.Message, failure),
        _ => failure,
    };

    private async Task SayClosedAsync()
    {
        if (!_closed.IsCancellationRequested)
            await _closed.CancelAsync().ConfigureAwait(false);
    }

    private sealed record Duplex(PipeReader Input, PipeWriter Output) : IDuplexPipe;
}
