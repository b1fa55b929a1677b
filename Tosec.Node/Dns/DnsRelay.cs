using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Tosec.Transport.Shm.Client;

namespace Tosec.Node.Dns;

/// <summary>
/// Answers the C library's resolver, whose sockets are always the guest kernel's own, from a server that is asked by TCP (RFC 7766)
/// over TOSEC sockets. Names and answers are relayed as they are; nothing is cached. Serves until it is cancelled; any thread.
/// </summary>
internal sealed class DnsRelay : IDisposable
{
    private const int MaxQueries = 128;
    private const int MaxConnections = 64;

    // A resolver asks again after five seconds by default.
    private static readonly TimeSpan _serverPatience = TimeSpan.FromSeconds(4);
    private static readonly TimeSpan _idle = TimeSpan.FromSeconds(30);

    private readonly IReadOnlyList<IPEndPoint> _servers;
    private readonly Socket _datagrams;
    private readonly Socket _listener;

    /// <param name="listen">In the guest's kernel, by UDP and TCP.</param>
    /// <param name="servers">Asked in this order until one answers.</param>
    /// <exception cref="SocketException">The end point cannot be listened on.</exception>
    public DnsRelay(IPEndPoint listen, IReadOnlyList<IPEndPoint> servers)
    {
        _servers = servers;
        _datagrams = new Socket(listen.AddressFamily, SocketType.Dgram, ProtocolType.Udp);
        _listener = new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            _datagrams.Bind(listen);
            _listener.Bind(listen);
            _listener.Listen(MaxConnections);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public Task RunAsync(CancellationToken cancellationToken) =>
        Task.WhenAll(ServeDatagramsAsync(cancellationToken), ServeConnectionsAsync(cancellationToken));

    public void Dispose()
    {
        _datagrams.Dispose();
        _listener.Dispose();
    }

    private async Task ServeDatagramsAsync(CancellationToken cancellationToken)
    {
        using var room = new SemaphoreSlim(MaxQueries);
        var buffer = new byte[ushort.MaxValue];
        var anybody = new IPEndPoint(_datagrams.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                var received = await _datagrams.ReceiveFromAsync(buffer, SocketFlags.None, anybody, cancellationToken).ConfigureAwait(false);
                var query = buffer.AsSpan(0, received.ReceivedBytes).ToArray();
                await room.WaitAsync(cancellationToken).ConfigureAwait(false);
                _ = AnswerDatagramAsync(query, received.RemoteEndPoint, room, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                // The loop's condition ends it.
            }
            catch (SocketException)
            {
                // An asker that is gone (ICMP), told at the next call.
            }
        }

        // Those under way use what is about to be disposed.
        for (var n = 0; n < MaxQueries; n++)
            await room.WaitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private async Task AnswerDatagramAsync(byte[] query, EndPoint asker, SemaphoreSlim room, CancellationToken cancellationToken)
    {
        try
        {
            if (!DnsMessage.IsQuery(query, out var questionEnd))
                return;
            var answer = await AskAsync(query, questionEnd, cancellationToken).ConfigureAwait(false);
            if (answer.Length > DnsMessage.AnswerLimit(query, questionEnd))
                answer = DnsMessage.CutOff(query, questionEnd, answer);
            await _datagrams.SendToAsync(answer, SocketFlags.None, asker, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception failure) when (failure is SocketException or OperationCanceledException)
        {
            // As a lost datagram: the resolver asks again.
        }
        finally
        {
            room.Release();
        }
    }

    private async Task ServeConnectionsAsync(CancellationToken cancellationToken)
    {
        using var room = new SemaphoreSlim(MaxConnections);
        while (!cancellationToken.IsCancellationRequested)
        {
            try
            {
                await room.WaitAsync(cancellationToken).ConfigureAwait(false);
                try
                {
                    _ = ServeConnectionAsync(await _listener.AcceptAsync(cancellationToken).ConfigureAwait(false), room, cancellationToken);
                }
                catch
                {
                    room.Release();
                    throw;
                }
            }
            catch (OperationCanceledException)
            {
                // The loop's condition ends it.
            }
            catch (SocketException)
            {
                // One that has given up before it was accepted, or no descriptor left; the next may do better.
                await Task.Delay(10, CancellationToken.None).ConfigureAwait(false);
            }
        }

        for (var n = 0; n < MaxConnections; n++)
            await room.WaitAsync(CancellationToken.None).ConfigureAwait(false);
    }

    private async Task ServeConnectionAsync(Socket connection, SemaphoreSlim room, CancellationToken cancellationToken)
    {
        try
        {
            await using var stream = new NetworkStream(connection, ownsSocket: true);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            while (true)
            {
                limit.CancelAfter(_idle);
                var query = await ReadAsync(stream, limit.Token).ConfigureAwait(false);
                if (!DnsMessage.IsQuery(query, out var questionEnd))
                    return;
                await WriteAsync(stream, await AskAsync(query, questionEnd, limit.Token).ConfigureAwait(false), limit.Token).ConfigureAwait(false);
            }
        }
        catch (Exception failure) when (failure is IOException or OperationCanceledException)
        {
            // It has ended, or was idle for too long.
        }
        finally
        {
            room.Release();
        }
    }

    private async Task<byte[]> AskAsync(byte[] query, int questionEnd, CancellationToken cancellationToken)
    {
        foreach (var server in _servers)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(_serverPatience);
            try
            {
                using var socket = new TosecSocket(server.AddressFamily);
                await socket.ConnectAsync(server, limit.Token).ConfigureAwait(false);
                await using var stream = new TosecStream(socket, ownsSocket: false);
                await WriteAsync(stream, query, limit.Token).ConfigureAwait(false);
                var answer = await ReadAsync(stream, limit.Token).ConfigureAwait(false);
                if (DnsMessage.Answers(answer, query))
                    return answer;
            }
            catch (Exception failure) when (failure is SocketException or IOException or OperationCanceledException)
            {
                cancellationToken.ThrowIfCancellationRequested();
            }
        }

        return DnsMessage.Failure(query, questionEnd);
    }

    // RFC 1035, 4.2.2: the length in two bytes, then the message.
    private static async Task<byte[]> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        var prefix = new byte[2];
        await stream.ReadExactlyAsync(prefix, cancellationToken).ConfigureAwait(false);
        var message = new byte[BinaryPrimitives.ReadUInt16BigEndian(prefix)];
        await stream.ReadExactlyAsync(message, cancellationToken).ConfigureAwait(false);
        return message;
    }

    private static async Task WriteAsync(Stream stream, byte[] message, CancellationToken cancellationToken)
    {
        var framed = new byte[2 + message.Length];
        BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)message.Length);
        message.CopyTo(framed, 2);
        await stream.WriteAsync(framed, cancellationToken).ConfigureAwait(false);
    }
}
