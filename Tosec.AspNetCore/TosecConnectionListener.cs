using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Tosec.Transport.Shm.Client;

namespace Tosec.AspNetCore;

/// <summary>A listening TOSEC socket. Kestrel accepts in one loop, and may unbind meanwhile from another thread.</summary>
internal sealed partial class TosecConnectionListener : IConnectionListener
{
    private readonly TosecSocket _socket;
    private readonly TosecTransportOptions _options;
    private readonly ILogger _logger;
    private readonly CancellationTokenSource _unbound = new();

    public TosecConnectionListener(TosecSocket socket, TosecTransportOptions options, ILogger logger)
    {
        _socket = socket;
        _options = options;
        _logger = logger;
        EndPoint = socket.LocalEndPoint ?? throw new InvalidOperationException("A listening socket without a name.");
    }

    /// <summary>With the real port where 0 was asked for.</summary>
    public EndPoint EndPoint { get; }

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(_unbound.Token, cancellationToken);
        while (true)
        {
            try
            {
                var socket = await _socket.AcceptAsync(either.Token).ConfigureAwait(false);
                return TosecConnection.Start(socket, _options);
            }
            catch (Exception) when (_unbound.IsCancellationRequested)
            {
                return null;
            }
            catch (SocketException failure) when (failure.SocketErrorCode
                is SocketError.ConnectionAborted or SocketError.ConnectionReset or SocketError.TooManyOpenSockets)
            {
                // One connection less, or one later: not the end of the listener.
                LogNotAccepted(failure.SocketErrorCode, EndPoint);
                if (failure.SocketErrorCode == SocketError.TooManyOpenSockets)
                    await Task.Delay(TimeSpan.FromMilliseconds(100), either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        await _unbound.CancelAsync().ConfigureAwait(false);
        _socket.Dispose();
    }

    public ValueTask DisposeAsync() => UnbindAsync();

    [LoggerMessage(1, LogLevel.Warning, "a connection to {EndPoint} was not accepted: {Error}")]
    private partial void LogNotAccepted(SocketError error, EndPoint endPoint);
}
