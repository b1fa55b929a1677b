using System.Net;
using System.Net.Http;
using System.Net.Sockets;

namespace Tosec.Transport.Shm.Client;

/// <summary>HttpClient over TOSEC sockets.</summary>
public static class TosecHttp
{
    /// <summary>
    /// Connects to the first address of the host that answers. For <see cref="SocketsHttpHandler.ConnectCallback"/>:
    /// <c>new SocketsHttpHandler { ConnectCallback = TosecHttp.ConnectAsync }</c>. Names are resolved by the C library.
    /// </summary>
    /// <exception cref="SocketException">The name has no address, or none of them answers: the last one's reason.</exception>
    public static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(context);
        var host = context.DnsEndPoint;
        SocketException? failure = null;
        foreach (var address in await Dns.GetHostAddressesAsync(host.Host, cancellationToken).ConfigureAwait(false))
        {
            TosecSocket? socket = null;
            try
            {
                socket = new TosecSocket(address.AddressFamily) { NoDelay = true };
                await socket.ConnectAsync(new IPEndPoint(address, host.Port), cancellationToken).ConfigureAwait(false);
                return new TosecStream(socket);
            }
            catch (SocketException refused)
            {
                socket?.Dispose();
                failure = refused;
            }
            catch
            {
                socket?.Dispose();
                throw;
            }
        }

        throw failure ?? new SocketException((int)SocketError.HostNotFound);
    }
}
