using System.Net;
using System.Net.Sockets;
using System.Text;
using Tosec.Tests.Peer;

namespace Tosec.Tests.EndToEnd;

/// <summary>More programs in guests: redis, a .NET client without the preload library, IPv6.</summary>
[Collection(SiteCollection.Name)]
public sealed class ProgramTests(Site site)
{
    [Fact]
    public async Task Redis_in_one_guest_serves_redis_cli_in_the_other()
    {
        var server = site.Start("alice", "redis-server", "--port", $"{Site.CountedPort}", "--bind", site.Alice, "--save", "", "--protected-mode", "no");
        await Site.Listening(server, site.Alice, Site.CountedPort);

        var set = await site.RunIn("bob", "redis-cli", "-h", site.Alice, "-p", $"{Site.CountedPort}", "set", "word", "from the neighbour");
        Assert.Equal((0, "OK\n"), (set.Code, set.Output));
        var get = await site.RunOutside("redis-cli", "-h", site.Alice, "-p", $"{Site.CountedPort}", "get", "word");
        Assert.Equal((0, "from the neighbour\n"), (get.Code, get.Output));
        var benchmark = await site.RunOutside("redis-benchmark", "-h", site.Alice, "-p", $"{Site.CountedPort}", "-c", "50", "-n", "5000", "-q", "-t", "set,get,lpush");
        Assert.Equal(0, benchmark.Code);
        Assert.DoesNotContain("rror", benchmark.Output + benchmark.Errors, StringComparison.Ordinal);
        var size = await site.RunOutside("redis-cli", "-h", site.Alice, "-p", $"{Site.CountedPort}", "llen", "mylist");
        Assert.Equal("5000\n", size.Output);

        await site.EndsClean(server);
    }

    [Fact]
    public async Task A_dotnet_program_listens_and_connects_without_the_preload_library()
    {
        using var world = new TcpListener(IPAddress.Parse(site.Outside), 0);
        world.Start();
        using var program = TosecProcess.StartPeer("client", Path.Combine(site.RunDirectory, "alice", "agent.sock"),
            $"{site.Alice}:{Site.CountedPort}", world.LocalEndpoint.ToString()!);
        await program.SaysAsync("listening");

        using var outside = new TcpClient(AddressFamily.InterNetwork);
        await outside.ConnectAsync(IPAddress.Parse(site.Alice), Site.CountedPort);
        var sent = new byte[300_000];
        Random.Shared.NextBytes(sent);
        var received = new byte[sent.Length];
        var writing = outside.GetStream().WriteAsync(sent).AsTask();
        await outside.GetStream().ReadExactlyAsync(received);
        await writing;
        Assert.True(sent.AsSpan().SequenceEqual(received));
        var me = outside.Client.LocalEndPoint!.ToString();
        outside.Client.Shutdown(SocketShutdown.Send);

        using var peer = await world.AcceptTcpClientAsync();
        // Alice reaches out through her firewall, so what her program says is HTTP.
        var n = await peer.GetStream().ReadAsync(received);
        Assert.StartsWith("GET / HTTP/1.1\r\n", Encoding.ASCII.GetString(received, 0, n), StringComparison.Ordinal);
        await peer.GetStream().WriteAsync(Encoding.ASCII.GetBytes("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"));

        var (code, output, _) = await program.EndAsync();
        Assert.Equal((0, $"{me}\nhi\n"), (code, output));
        peer.Dispose();
        outside.Dispose();
        await site.IsClean(socketsLeft: 0);
    }

    [SkippableFact]
    public async Task A_server_on_IPv6_in_a_guest_is_reached_through_the_chain()
    {
        Skip.IfNot(Socket.OSSupportsIPv6 && File.Exists("/proc/net/if_inet6"), "this machine has no IPv6");
        File.WriteAllText(site["www/six.html"], "over six\n");
        var server = site.Start("alice", "python3", "-m", "http.server", "--bind", "::1", $"{Site.WebPort}");
        await Site.Until(async () => (await site.RunOutside("curl", "-sS", "-m", "20", $"http://[::1]:{Site.WebPort}/six.html")).Output == "over six\n", "nobody answers on ::1");
        await site.EndsClean(server);
    }

    [Fact]
    public async Task A_program_without_an_agent_gets_a_clear_error_and_no_network()
    {
        var start = site.StartWith("alice", s => s.Environment["TOSEC_AGENT"] = "/nowhere/agent.sock", "sh", "-c",
            "TOSEC_AGENT=/nowhere/agent.sock curl -sS -m 5 http://127.0.0.1:1/");
        var errors = await start.StandardError.ReadToEndAsync();
        await start.WaitForExitAsync();
        Assert.Equal(7, start.ExitCode);
        Assert.Contains("no session", errors, StringComparison.Ordinal);
    }
}
