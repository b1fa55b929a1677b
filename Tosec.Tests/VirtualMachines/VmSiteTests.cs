using System.Net.Sockets;

namespace Tosec.Tests.VirtualMachines;

/// <summary>The whole paper in virtual machines; and the death of each of them.</summary>
[Collection(VmCollection.Name)]
public sealed class VmSiteTests(VmSite site) : IClassFixture<VmSite>
{
    [SkippableFact]
    public async Task A_page_of_a_guest_without_a_network_card_passes_both_SVMs_and_an_injection_does_not()
    {
        Skip.If(site.Missing is not null, site.Missing);

        Assert.Equal((200, "served by alice\n"), await site.Ask("/"));
        var (status, body) = await site.Ask("/?id=1'%20OR%20'1'='1");

        Assert.Equal(403, status);
        var reference = body.Split("<code>")[1].Split("</code>")[0];
        await VmSite.Until(() => Task.FromResult(site.Log("waf-1").Contains(reference, StringComparison.Ordinal)), "the firewall has not logged it");
        // One that was killed and came back inspects at once, and joins the cluster when that has removed what it was.
        await VmSite.Until(
            async () => (await site.HostCommand("cluster", "show")).Select(m => m.GetProperty("name").GetString()).Order(StringComparer.Ordinal)
                .SequenceEqual(["counter-1", "host", "tovm", "waf-1"]), "not all of the operator's nodes are members");
        await site.EveryBufferIsBack();
    }

    [SkippableTheory]
    [InlineData("alice")]
    [InlineData("tovm")]
    [InlineData("waf-1")]
    [InlineData("counter-1")]
    public async Task A_VM_that_is_killed_ends_its_streams_returns_its_buffers_and_serves_again_when_it_is_started(string vm)
    {
        Skip.If(site.Missing is not null, site.Missing);
        await VmSite.Until(site.IsServed, "alice is not served");
        using var socket = await site.ConnectAsync();
        await socket.SendAsync("GET / HTTP/1.1\r\nHost: alice\r\n"u8.ToArray());

        await site.KillAsync(vm);

        if (vm != "tovm")
        {
            // Its end: alice's half of an answer to what never was a whole request, or a reset.
            using var limit = new CancellationTokenSource(TimeSpan.FromMinutes(2));
            try
            {
                var buffer = new byte[4096];
                while (await socket.ReceiveAsync(buffer, limit.Token) > 0)
                {
                }
            }
            catch (SocketException e)
            {
                Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
            }
        }

        Assert.NotEqual(200, (await site.Get("/")).Status);
        await site.EveryBufferIsBack();
        await site.StartAsync(vm);
        await VmSite.Until(site.IsServed, $"alice is not served after the return of {vm}");
        await site.EveryBufferIsBack();
    }
}
