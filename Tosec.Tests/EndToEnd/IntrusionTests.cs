namespace Tosec.Tests.EndToEnd;

/// <summary>An unmodified web server behind an SVM that judges by Suricata's rules.</summary>
[Collection(SiteCollection.Name)]
public sealed class IntrusionTests(Site site)
{
    [Fact]
    public async Task What_rules_drop_does_not_get_through_and_rules_are_read_again_while_it_runs()
    {
        const string Refused = "alert tcp any any -> any any (content:\"x\"; flowint:a,+,1; sid:9;)\n";
        File.WriteAllText(site["ips.rules"],
            "drop http any any -> any any (msg:\"evil path\"; flow:to_server; http.uri; content:\"/evil\"; classtype:web-attack; priority:1; rev:3; sid:7;)\n"
            + "alert http any any -> any any (msg:\"greeting\"; flow:to_client; file.data; content:\"hello\"; sid:8;)\n" + Refused);
        var reloaded = await site.Command("ips-1", "svm", "reload");
        Assert.Contains("2 rules, 1 refused", reloaded.GetRawText(), StringComparison.Ordinal);
        var refused = Assert.Single((await site.Command("ips-1", "rule", "refused")).EnumerateArray().ToArray());
        Assert.Equal((9, "flowint"), (refused.GetProperty("sid").GetInt32(), refused.GetProperty("keyword").GetString()));

        File.WriteAllText(site["www/hello.html"], "hello from the guest\n");
        File.WriteAllText(site["www/evil.html"], "evil\n");
        var server = site.Start("alice", "python3", "-m", "http.server", "--bind", site.Alice, $"{Site.GuardedPort}");
        await Site.Listening(server, site.Alice, Site.GuardedPort);

        Assert.Equal((0, "hello from the guest\n"), await Get("hello.html"));
        var (code, page) = await Get("%65vil.html");
        Assert.True(code is 52 or 56, $"curl ended with {code}");
        Assert.Equal("", page);
        var threats = await site.Command("ips-1", "threat", "list");
        Assert.Equal(("blocked", 7, "evil path", "/%65vil.html"), Facts(threats[0]));
        Assert.Equal(("allowed", 8, "greeting", "/hello.html"), Facts(threats[1]));
        var log = File.ReadAllText(Path.Combine(site.RunDirectory, "ips-1.eve.json"));
        Assert.Contains("\"rev\":3,\"signature\":\"evil path\",\"category\":\"web-attack\",\"severity\":1", log, StringComparison.Ordinal);

        File.WriteAllText(site["ips.rules"], "drop http any any -> any any (msg:\"no\"; http.uri; content:\"/hello\"; sid:10;)\n");
        await site.Command("ips-1", "svm", "reload");
        Assert.Equal((0, "evil\n"), await Get("evil.html"));
        Assert.NotEqual(0, (await Get("hello.html")).Code);
        await site.EndsClean(server);

        async Task<(int Code, string Page)> Get(string path)
        {
            var end = await site.RunOutside("curl", "-sS", "-m", "20", $"http://{site.Alice}:{Site.GuardedPort}/{path}");
            return (end.Code, end.Output);
        }
    }

    private static (string?, int, string?, string?) Facts(System.Text.Json.JsonElement threat) => (
        threat.GetProperty("action").GetString(), threat.GetProperty("signature").GetInt32(), threat.GetProperty("message").GetString(),
        threat.GetProperty("url").GetString());
}
