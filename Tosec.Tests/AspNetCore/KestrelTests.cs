using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Tosec.Tests.EndToEnd;
using Tosec.Tests.Peer;

namespace Tosec.Tests.AspNetCore;

/// <summary>ASP.NET Core on TOSEC sockets, as a process of a guest, through the chains of a whole host.</summary>
[Collection(EndToEnd.SiteCollection.Name)]
public sealed class KestrelTests(Site site)
{
    private string Counted => $"http://{site.Alice}:{Site.CountedPort}";

    [Fact]
    public async Task It_serves_through_the_firewall_and_to_the_other_guest_and_injections_do_not_reach_it()
    {
        using var server = await StartAsync();
        var web = $"http://{site.Alice}:{Site.WebPort}";
        Assert.Equal((0, "hello 127.0.0.1\n", ""), await site.RunOutside("curl", "-sS", "-m", "30", $"{web}/hello"));
        var neighbour = await site.RunIn("bob", "curl", "-sS", "-m", "30", $"{web}/hello");
        Assert.Equal((0, $"hello {site.Bob}\n"), (neighbour.Code, neighbour.Output));
        var attack = await site.RunOutside("curl", "-sS", "-m", "30", "-w", "%{http_code}", $"{web}/hello?id=1%27%20OR%20%271%27=%271%27%20--%20");
        Assert.EndsWith("403", attack.Output, StringComparison.Ordinal);
        await EndsWell(server);
    }

    [Fact]
    public async Task Its_client_reaches_out_through_the_guests_chain()
    {
        File.WriteAllText(site["www/news.txt"], "news from outside\n");
        var world = site.StartOutside("python3", "-m", "http.server", "--bind", site.Outside, "7171");
        await Site.Listening(world, site.Outside, 7171);
        using var server = await StartAsync();
        var fetched = await site.RunOutside("curl", "-sS", "-m", "30", "-G", $"{Counted}/fetch", "--data-urlencode", $"url=http://{site.Outside}:7171/news.txt");
        Assert.Equal((0, "news from outside\n", ""), fetched);
        var streams = await site.Command("tovm", "stream", "list");
        Assert.Contains(streams.EnumerateArray(), s => s.GetProperty("peer").GetString() == $"{site.Outside}:7171");
        await EndsWell(server);
        world.Kill();
    }

    [Fact]
    public async Task Big_bodies_go_both_ways_at_once_and_many_requests_run_in_parallel()
    {
        using var server = await StartAsync();
        var body = new byte[24 << 20];
        Random.Shared.NextBytes(body);
        File.WriteAllBytes(site["www/body.bin"], body);
        var echoed = await site.RunOutside("curl", "-sS", "-m", "90", "--data-binary", $"@{site["www/body.bin"]}", "-o", site["www/echo.bin"],
            "-w", "%{http_code}", $"{Counted}/echo");
        Assert.Equal((0, "200", ""), echoed);
        Assert.Equal(SHA256.HashData(body), SHA256.HashData(File.ReadAllBytes(site["www/echo.bin"])));

        using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 48 }) { Timeout = TimeSpan.FromSeconds(90) };
        var pages = await Task.WhenAll(Enumerable.Range(0, 600).Select(i => i % 3 == 0 ? Echo(i) : client.GetStringAsync($"{Counted}/hello")));
        Assert.All(pages.Where((_, i) => i % 3 != 0), page => Assert.Equal("hello 127.0.0.1\n", page));
        for (var i = 0; i < pages.Length; i += 3)
            Assert.Equal(Text(i), pages[i]);
        client.Dispose();
        await EndsWell(server);

        async Task<string> Echo(int i)
        {
            using var content = new StringContent(Text(i));
            using var response = await client.PostAsync($"{Counted}/echo", content);
            return await response.Content.ReadAsStringAsync();
        }

        static string Text(int i) => string.Concat(Enumerable.Repeat(i.ToString("d6", CultureInfo.InvariantCulture), 1000 + i));
    }

    [Fact]
    public async Task A_caller_that_goes_away_cancels_its_request()
    {
        using var server = await StartAsync();
        using (var caller = await AskAsync("/wait"))
            await server.SaysAsync("waiting");
        await server.SaysAsync("wait aborted");

        // One that does not read any more has the server wait for room, and it is told when that caller is gone.
        using (var caller = await AskAsync("/endless"))
        {
            await caller.ReceiveAsync(new byte[1000]);
            caller.LingerState = new LingerOption(true, 0);
        }

        await server.SaysAsync("endless ended");
        await EndsWell(server);
    }

    [Fact]
    public async Task A_server_that_aborts_resets_its_caller()
    {
        using var server = await StartAsync();
        using (var caller = await AskAsync("/abort"))
        {
            var failure = await Assert.ThrowsAsync<SocketException>(async () => Assert.Equal(0, await caller.ReceiveAsync(new byte[100])));
            Assert.Equal(SocketError.ConnectionReset, failure.SocketErrorCode);
        }

        await EndsWell(server);
    }

    [Fact]
    public async Task A_caller_that_has_ended_its_half_is_answered_if_the_server_is_told_to()
    {
        using var server = await StartAsync(serveHalfClosed: true);
        using (var caller = await AskAsync("/slow"))
        {
            caller.Shutdown(SocketShutdown.Send);
            Assert.EndsWith("slow but whole\n", await ReadToEndAsync(caller), StringComparison.Ordinal);
        }

        await EndsWell(server);
    }

    [Fact]
    public async Task On_SIGTERM_it_finishes_what_it_has_begun_and_takes_nothing_new()
    {
        using var server = await StartAsync();
        using var caller = await AskAsync("/slow");
        await server.SaysAsync("slow begun");
        server.Signal(PosixSignal.SIGTERM);
        Assert.EndsWith("slow but whole\n", await ReadToEndAsync(caller), StringComparison.Ordinal);
        Assert.Equal(0, (await server.EndAsync()).Code);
        await Site.Until(async () =>
        {
            using var late = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await late.ConnectAsync(IPAddress.Parse(site.Alice), Site.CountedPort);
                return false;
            }
            catch (SocketException)
            {
                return true;
            }
        }, "a server that has ended still listens");
        caller.Dispose();
        await site.IsClean(socketsLeft: 0);
    }

    private async Task<TosecProcess> StartAsync(bool serveHalfClosed = false)
    {
        var server = TosecProcess.StartProgram("Tosec.WebSample", Path.Combine(site.RunDirectory, "alice", "agent.sock"), $"{serveHalfClosed}",
            $"{site.Alice}:{Site.WebPort}", $"{site.Alice}:{Site.CountedPort}");
        await server.SaysAsync("listening");
        return server;
    }

    private async Task<Socket> AskAsync(string path)
    {
        var caller = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await caller.ConnectAsync(IPAddress.Parse(site.Alice), Site.CountedPort);
        await caller.SendAsync(Encoding.ASCII.GetBytes($"GET {path} HTTP/1.0\r\n\r\n"));
        return caller;
    }

    private static async Task<string> ReadToEndAsync(Socket socket)
    {
        var read = new List<byte>();
        var buffer = new byte[4096];
        int received;
        while ((received = await socket.ReceiveAsync(buffer).WaitAsync(TosecProcess.Patience)) > 0)
            read.AddRange(buffer.AsSpan(0, received));
        return Encoding.ASCII.GetString([.. read]);
    }

    // By SIGTERM with exit code 0, and nothing of it is left in the pools or the stream table.
    private async Task EndsWell(TosecProcess server)
    {
        server.Signal(PosixSignal.SIGTERM);
        var (code, _, errors) = await server.EndAsync();
        Assert.True(code == 0, errors);
        await site.IsClean(socketsLeft: 0);
    }
}
