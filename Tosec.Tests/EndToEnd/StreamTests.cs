using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;

namespace Tosec.Tests.EndToEnd;

/// <summary>Raw streams at size: many at once, very long ones, and ones whose end is violent.</summary>
[Collection(SiteCollection.Name)]
public sealed class StreamTests(Site site)
{
    private const string EchoServer = """
        import asyncio, sys
        async def serve(reader, writer):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()
        async def main():
            server = await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]), backlog=1024)
            async with server:
                await server.serve_forever()
        asyncio.run(main())
        """;

    [Fact]
    public async Task A_thousand_connections_at_once_keep_every_byte_and_leave_nothing_behind()
    {
        var server = site.Start("alice", "python3", "-c", EchoServer, site.Alice, $"{Site.CountedPort}");
        await Site.Listening(server, site.Alice, Site.CountedPort);
        var before = Directory.GetFiles($"/proc/{site.Node("tovm").Id}/fd").Length;

        var clients = await Task.WhenAll(Enumerable.Range(0, 1000).Select(async _ =>
        {
            var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            await socket.ConnectAsync(IPAddress.Parse(site.Alice), Site.CountedPort);
            return socket;
        }));
        await Task.WhenAll(clients.Select(Echo));
        foreach (var client in clients)
            client.Dispose();

        await site.IsClean(socketsLeft: 1);
        await Site.Until(() => Task.FromResult(Directory.GetFiles($"/proc/{site.Node("tovm").Id}/fd").Length <= before + 100), "descriptors are left");
        await site.EndsClean(server);

        static async Task Echo(Socket socket)
        {
            var sent = new byte[16 << 10];
            Random.Shared.NextBytes(sent);
            var received = new byte[sent.Length];
            var sending = socket.SendAsync(sent, SocketFlags.None);
            for (var at = 0; at < received.Length;)
            {
                var n = await socket.ReceiveAsync(received.AsMemory(at), SocketFlags.None);
                Assert.NotEqual(0, n);
                at += n;
            }

            Assert.Equal(sent.Length, await sending);
            Assert.True(sent.AsSpan().SequenceEqual(received));
            socket.Shutdown(SocketShutdown.Send);
            Assert.Equal(0, await socket.ReceiveAsync(received, SocketFlags.None));
        }
    }

    [Fact]
    public async Task A_gigabyte_through_one_connection_arrives_as_it_was_sent()
    {
        const string Program = """
            import hashlib, os, socket, sys
            listener = socket.create_server((sys.argv[1], int(sys.argv[2])))
            connection, _ = listener.accept()
            digest = hashlib.sha256()
            block = os.urandom(1 << 20)
            for i in range(1024):
                part = block[i:] + block[:i]
                connection.sendall(part)
                digest.update(part)
            connection.shutdown(socket.SHUT_WR)
            print(digest.hexdigest(), flush=True)
            connection.close()
            """;
        var server = site.Start("alice", "python3", "-c", Program, site.Alice, $"{Site.CountedPort}");
        // The server serves the first who comes, so nobody else may probe whether it listens.
        Socket? connected = null;
        await Site.Until(async () =>
        {
            connected = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await connected.ConnectAsync(IPAddress.Parse(site.Alice), Site.CountedPort);
                return true;
            }
            catch (SocketException)
            {
                connected.Dispose();
                return false;
            }
        }, "nobody listens");
        using var socket = connected!;
        using var digest = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 20];
        long total = 0;
        for (int n; (n = await socket.ReceiveAsync(buffer, SocketFlags.None)) > 0; total += n)
            digest.AppendData(buffer, 0, n);

        Assert.Equal(1L << 30, total);
        Assert.Equal(await server.StandardOutput.ReadLineAsync(), Convert.ToHexStringLower(digest.GetHashAndReset()));
        socket.Dispose();
        await site.EndsClean(server);
    }

    [Theory]
    [InlineData("blocking", false)]
    [InlineData("blocking", true)]
    [InlineData("poll", false)]
    [InlineData("poll", true)]
    public async Task A_writer_whose_peer_resets_is_woken_and_told(string way, bool endsFirst)
    {
        const string Program = """
            import select, socket, sys
            way, connection = sys.argv[1], socket.create_connection((sys.argv[2], int(sys.argv[3])))
            connection.setblocking(way == "blocking")
            poll = select.poll()
            poll.register(connection, select.POLLOUT)
            try:
                while True:
                    if way == "poll":
                        poll.poll()
                    try:
                        connection.send(bytes(1 << 20))
                    except BlockingIOError:
                        pass
            except OSError as error:
                print(type(error).__name__, flush=True)
            """;
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Parse(site.Outside), 0));
        listener.Listen();
        var writer = site.Start("bob", "python3", "-c", Program, way, site.Outside, $"{((IPEndPoint)listener.LocalEndPoint!).Port}");
        using var peer = await listener.AcceptAsync();
        if (endsFirst)
            peer.Shutdown(SocketShutdown.Send);
        // Until all that lies between is full, and the writer sleeps.
        for (int before = -1, now; (now = peer.Available) != before || now == 0; before = now)
            await Task.Delay(500);
        peer.LingerState = new LingerOption(true, 0);
        peer.Dispose();

        var told = await writer.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1));

        Assert.Contains(told, new[] { "ConnectionResetError", "BrokenPipeError" });
        await site.EndsClean(writer);
    }

    [Fact]
    public async Task Killing_the_application_in_the_middle_of_a_transfer_ends_its_streams_and_returns_its_buffers()
    {
        for (var round = 0; round < 3; round++)
        {
            var server = site.Start("alice", "python3", "-c", EchoServer, site.Alice, $"{Site.CountedPort}");
            await Site.Listening(server, site.Alice, Site.CountedPort);
            var clients = new List<Socket>();
            var busy = new List<Task>();
            for (var i = 0; i < 20; i++)
            {
                var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                await socket.ConnectAsync(IPAddress.Parse(site.Alice), Site.CountedPort);
                clients.Add(socket);
                busy.Add(Flood(socket));
                busy.Add(Drain(socket));
            }

            await Task.Delay(100);
            server.Kill(entireProcessTree: true);
            await Task.WhenAll(busy).WaitAsync(TimeSpan.FromSeconds(60));
            clients.ForEach(c => c.Dispose());
            await site.EndsClean(server);
        }

        static async Task Flood(Socket socket)
        {
            var block = new byte[64 << 10];
            try
            {
                while (true)
                    await socket.SendAsync(block, SocketFlags.None);
            }
            catch (SocketException)
            {
                // The end that the test is about.
            }
        }

        static async Task Drain(Socket socket)
        {
            var block = new byte[64 << 10];
            try
            {
                while (await socket.ReceiveAsync(block, SocketFlags.None) > 0)
                {
                }
            }
            catch (SocketException)
            {
                // The end that the test is about.
            }
        }
    }
}
