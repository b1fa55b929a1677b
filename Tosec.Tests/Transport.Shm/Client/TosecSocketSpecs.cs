using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Tosec.Transport.Shm.Client;

namespace Tosec.Tests.Transport.Shm.Client;

public sealed class TosecSocketSpecs(FakeNode node) : IClassFixture<FakeNode>
{
    private static readonly TimeSpan _deadline = TimeSpan.FromSeconds(20);

    [SkippableFact]
    public async Task A_stream_carries_bytes_both_ways_and_ends()
    {
        Skip.IfNot(node.Runs, "no C compiler here");
        var (client, server) = await ConnectedPairAsync();
        await using var left = new TosecStream(client);
        await using var right = new TosecStream(server);
        Assert.Equal(client.LocalEndPoint, server.RemoteEndPoint);
        var payload = RandomNumberGenerator.GetBytes(3_000_000);
        var sending = Task.Run(async () =>
        {
            await left.WriteAsync(payload);
            client.Shutdown(SocketShutdown.Send);
        });
        var received = new MemoryStream();
        await right.CopyToAsync(received).WaitAsync(_deadline);
        await sending.WaitAsync(_deadline);
        Assert.True(payload.AsSpan().SequenceEqual(received.ToArray()));
        await right.WriteAsync("answer"u8.ToArray());
        var answer = new byte[6];
        await left.ReadExactlyAsync(answer).AsTask().WaitAsync(_deadline);
        Assert.Equal("answer"u8, answer);
    }

    [SkippableFact]
    public async Task Synchronous_reads_and_writes_block_and_time_out()
    {
        Skip.IfNot(node.Runs, "no C compiler here");
        var (client, server) = await ConnectedPairAsync();
        using var left = new TosecStream(client);
        using var right = new TosecStream(server) { ReadTimeout = 100 };
        var payload = RandomNumberGenerator.GetBytes(1_000_000);
        var buffer = new byte[payload.Length];
        var sending = Task.Run(() => left.Write(payload));
        right.ReadTimeout = 10_000;
        right.ReadExactly(buffer);
        await sending.WaitAsync(_deadline);
        Assert.True(payload.AsSpan().SequenceEqual(buffer));
        right.ReadTimeout = 100;
        var failure = Assert.Throws<IOException>(() => right.ReadByte());
        Assert.Equal(SocketError.TimedOut, Assert.IsType<SocketException>(failure.InnerException).SocketErrorCode);
    }

    [SkippableFact]
    public async Task A_refused_connect_says_so()
    {
        Skip.IfNot(node.Runs, "no C compiler here");
        using var socket = new TosecSocket(AddressFamily.InterNetwork);
        var failure = await Assert.ThrowsAsync<SocketException>(
            () => socket.ConnectAsync(new IPEndPoint(IPAddress.Loopback, 1)).AsTask().WaitAsync(_deadline));
        Assert.Equal(SocketError.ConnectionRefused, failure.SocketErrorCode);
    }

    [SkippableFact]
    public async Task A_wait_can_be_cancelled_and_the_socket_used_on()
    {
        Skip.IfNot(node.Runs, "no C compiler here");
        var (client, server) = await ConnectedPairAsync();
        using var left = client;
        using var right = server;
        using var soon = new CancellationTokenSource(100);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => right.ReceiveAsync(new byte[1], soon.Token).AsTask());
        await left.SendAsync("x"u8.ToArray());
        Assert.Equal(1, await right.ReceiveAsync(new byte[4]).AsTask().WaitAsync(_deadline));
        // The writer, too: nobody reads, so it must stop, and go on when somebody does.
        using var later = new CancellationTokenSource(300);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => left.SendAsync(new byte[50_000_000], later.Token).AsTask());
        var drained = Task.Run(async () =>
        {
            var buffer = new byte[65536];
            while (await right.ReceiveAsync(buffer) > 0)
            {
            }
        });
        await left.SendAsync("more"u8.ToArray()).AsTask().WaitAsync(_deadline);
        left.Dispose();
        await drained.WaitAsync(_deadline);
    }

    [SkippableFact]
    public async Task Http_runs_over_it()
    {
        Skip.IfNot(node.Runs, "no C compiler here");
        using var listener = Listener(out var endPoint);
        var serving = Task.Run(async () =>
        {
            await using var stream = new TosecStream(await listener.AcceptAsync());
            using var reader = new StreamReader(stream, leaveOpen: true);
            while (await reader.ReadLineAsync() is { Length: > 0 })
            {
            }

            await stream.WriteAsync("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"u8.ToArray());
        });
        using var handler = new SocketsHttpHandler
        {
            ConnectCallback = async (_, token) =>
            {
                var socket = new TosecSocket(AddressFamily.InterNetwork);
                await socket.ConnectAsync(endPoint, token);
                return new TosecStream(socket);
            },
        };
        using var http = new HttpClient(handler);
        Assert.Equal("hello", await http.GetStringAsync($"http://{endPoint}/").WaitAsync(_deadline));
        await serving.WaitAsync(_deadline);
    }

    private static TosecSocket Listener(out IPEndPoint endPoint)
    {
        var listener = new TosecSocket(AddressFamily.InterNetwork);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        endPoint = listener.LocalEndPoint!;
        Assert.NotEqual(0, endPoint.Port);
        return listener;
    }

    private static async Task<(TosecSocket Client, TosecSocket Server)> ConnectedPairAsync()
    {
        using var listener = Listener(out var endPoint);
        var accepting = listener.AcceptAsync();
        var client = new TosecSocket(AddressFamily.InterNetwork);
        await client.ConnectAsync(endPoint).AsTask().WaitAsync(_deadline);
        return (client, await accepting.AsTask().WaitAsync(_deadline));
    }
}
