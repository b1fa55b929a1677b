using System.Net;
using System.Net.Sockets;

namespace Tosec.Tests.EndToEnd;

/// <summary>Nodes that are killed, and what is left of the others. A site of its own, for it does not stay whole.</summary>
public sealed class FailureTests(Site site) : IClassFixture<Site>
{
    [Fact]
    public async Task A_killed_SVM_closes_its_path_and_a_killed_TOVM_hangs_nobody_and_both_come_back()
    {
        File.WriteAllText(site["www/index.html"], "served\n");
        var web = site.Start("alice", "python3", "-m", "http.server", "--bind", site.Alice, $"{Site.WebPort}");
        await Site.Listening(web, site.Alice, Site.WebPort);
        Assert.Equal("served\n", (await Get()).Output);

        // An open connection through the firewall ends with it, and no new one is let past it.
        using var open = new TcpClient();
        await open.ConnectAsync(IPAddress.Parse(site.Alice), Site.WebPort);
        site.Node("waf-1").Kill();
        await EndsByReset(open);
        await Site.Until(async () => (await Get()).Code != 0, "requests go on past a firewall that is gone");
        Assert.NotEqual("served\n", (await Get()).Output);
        site.StartNode("waf-1");
        await Site.Until(async () => (await Get()).Output == "served\n", "the firewall is back, and not used");

        // The TOVM takes every connection with it. Programs are told, and serve again over its successor.
        using var second = new TcpClient();
        await second.ConnectAsync(IPAddress.Parse(site.Alice), Site.WebPort);
        site.Node("tovm").Kill();
        await EndsByReset(second);
        web.Kill(entireProcessTree: true);
        site.StartNode("tovm");
        await site.SaysAsync("tovm", "guest alice attached");
        web = site.Start("alice", "python3", "-m", "http.server", "--bind", site.Alice, $"{Site.WebPort}");
        await Site.Until(async () => (await Get()).Output == "served\n", "the TOVM is back, and nobody is served");
        await site.EndsClean(web);

        Task<(int Code, string Output, string Errors)> Get() => site.RunOutside("curl", "-sS", "-m", "10", $"http://{site.Alice}:{Site.WebPort}/index.html");
    }

    private static async Task EndsByReset(TcpClient client)
    {
        try
        {
            Assert.Equal(0, await client.GetStream().ReadAsync(new byte[16]).AsTask().WaitAsync(TimeSpan.FromSeconds(60)));
        }
        catch (IOException)
        {
            // The reset that was to come.
        }
    }
}
