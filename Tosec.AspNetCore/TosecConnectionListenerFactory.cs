using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Tosec.Transport.Shm.Client;

namespace Tosec.AspNetCore;

/// <summary>Makes Kestrel's listeners. Registered last, so Kestrel asks it first; end points that are not IP's are left to the others.</summary>
internal sealed class TosecConnectionListenerFactory : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    private readonly TosecTransportOptions _options;
    private readonly ILogger<TosecConnectionListener> _logger;

    public TosecConnectionListenerFactory(IOptions<TosecTransportOptions> options, ILogger<TosecConnectionListener> logger)
    {
        _options = options.Value;
        _logger = logger;
        if (_options.Agent is { } agent)
            TosecSocket.UseAgent(agent);
    }

    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (endpoint is not IPEndPoint ip)
            throw new NotSupportedException($"{endpoint} is not an IP end point.");
        var socket = new TosecSocket(ip.AddressFamily);
        try
        {
            socket.Bind(ip);
            socket.Listen(_options.Backlog);
            return ValueTask.FromResult<IConnectionListener>(new TosecConnectionListener(socket, _options, _logger));
        }
        catch (SocketException failure)
        {
            socket.Dispose();
            // What Kestrel's own messages are made for.
            if (failure.SocketErrorCode == SocketError.AddressAlreadyInUse)
                throw new AddressInUseException(failure.Message, failure);
            throw;
        }
    }
}
