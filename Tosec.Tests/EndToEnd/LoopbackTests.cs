namespace Tosec.Tests.EndToEnd;

/// <summary>Programs of a guest that talk to one another at <c>localhost</c>.</summary>
[Collection(SiteCollection.Name)]
public sealed class LoopbackTests(Site site)
{
    private const int Port = 6390;

    [Fact]
    public async Task Redis_at_localhost_is_its_guests_own()
    {
        var redis = site.Start("bob", "redis-server", "--port", $"{Port}", "--bind", "127.0.0.1", "::1", "--save", "", "--protected-mode", "no");
        await Site.Until(async () => (await Cli("bob", "localhost", "ping")).Output == "PONG\n", "redis does not answer at localhost");
        Assert.Equal("OK\n", (await Cli("bob", "localhost", "set", "whose", "bob's")).Output);
        Assert.Equal("bob's\n", (await Cli("bob", "127.0.0.1", "get", "whose")).Output);
        Assert.Equal("bob's\n", (await Cli("bob", "::1", "get", "whose")).Output);

        // The neighbour has a server of its own at the same place, and the host's kernel has none.
        Assert.NotEqual(0, (await Cli("alice", "127.0.0.1", "get", "whose")).Code);
        var second = site.Start("alice", "redis-server", "--port", $"{Port}", "--bind", "127.0.0.1", "--save", "", "--protected-mode", "no");
        await Site.Until(async () => (await Cli("alice", "localhost", "ping")).Output == "PONG\n", "alice's redis does not answer");
        Assert.Equal("\n", (await Cli("alice", "127.0.0.1", "get", "whose")).Output);
        Assert.NotEqual(0, (await site.RunOutside("redis-cli", "-h", "127.0.0.1", "-p", $"{Port}", "ping")).Code);

        redis.Kill(entireProcessTree: true);
        await site.EndsClean(second);

        Task<(int Code, string Output, string Errors)> Cli(string guest, string host, params string[] words) =>
            site.RunIn(guest, "redis-cli", ["-h", host, "-p", $"{Port}", .. words]);
    }

    [Fact]
    public async Task A_web_server_on_all_addresses_is_reached_at_localhost_past_the_chain()
    {
        File.WriteAllText(site["www/home.txt"], "home\n");
        var server = site.Start("bob", "python3", "-m", "http.server", "--bind", "0.0.0.0", "8099");
        // A port that no rule lets in from elsewhere.
        foreach (var host in new[] { "localhost", "127.0.0.1" })
        {
            await Site.Until(async () => (await site.RunIn("bob", "curl", "-sS", "-m", "20", $"http://{host}:8099/home.txt")).Output == "home\n",
                $"nobody answers at {host}");
        }

        Assert.NotEqual(0, (await site.RunIn("alice", "curl", "-sS", "-m", "20", "http://localhost:8099/home.txt")).Code);
        Assert.NotEqual(0, (await site.RunOutside("curl", "-sS", "-m", "20", $"http://{site.Bob}:8099/home.txt")).Code);
        await site.EndsClean(server);
    }
}
