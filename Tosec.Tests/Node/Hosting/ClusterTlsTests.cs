using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Serilog.Core;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;
using Tosec.Tests.Peer;
using AkkaCluster = Akka.Cluster.Cluster;

namespace Tosec.Tests.Node.Hosting;

public sealed class ClusterTlsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CertificateAuthority _own = new("operator");
    private readonly CertificateAuthority _foreign = new("operator");

    public void Dispose()
    {
        _own.Dispose();
        _foreign.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Only_certificates_of_the_operators_authority_that_are_valid_now_are_accepted()
    {
        X509Certificate2Collection authority = [];
        authority.ImportFromPem(_own.Pem);
        Assert.True(ClusterTls.IsIssuedBy(authority, _own.Issue("n1")));
        Assert.False(ClusterTls.IsIssuedBy(authority, _own.Issue("n1", days: 0)));
        Assert.False(ClusterTls.IsIssuedBy(authority, _foreign.Issue("n1")));
        Assert.False(ClusterTls.IsIssuedBy(authority, null));
    }

    [Fact]
    public async Task Members_with_certificates_join_and_nobody_else_gets_in()
    {
        var first = Make("h1");
        await first.StartAsync();
        var port = AkkaCluster.Get(first.System).SelfAddress.Port!.Value;
        Assert.Equal("akka.ssl.tcp", AkkaCluster.Get(first.System).SelfAddress.Protocol);
        var second = Make("h2", $"tosec.cluster.seed-nodes = [\"127.0.0.1:{port}\"]\n");
        await second.StartAsync();
        using (var limit = new CancellationTokenSource(TosecProcess.Patience))
        {
            while (AkkaCluster.Get(first.System).State.Members.Count(m => m.Status == Akka.Cluster.MemberStatus.Up) < 2)
                await Task.Delay(20, limit.Token);
        }

        await AssertCutOffAsync(port, _foreign.Issue("h2"));
        await AssertCutOffAsync(port, null);
        await Task.WhenAll(first.StopAsync(), second.StopAsync()).WaitAsync(TosecProcess.Patience);
    }

    [Fact]
    public async Task Files_that_cannot_be_used_are_named()
    {
        var host = Make("h1", "tosec.cluster.tls.password = wrong\n");
        var e = await Assert.ThrowsAsync<NodeStartException>(host.StartAsync);
        Assert.StartsWith($"cannot read {_directory["h1.pfx"]} (tosec.cluster.tls.certificate): ", e.Message, StringComparison.Ordinal);

        host = Make("h2", $"tosec.cluster.tls.ca = \"{_directory.Write("empty.pem", "nothing")}\"\n");
        e = await Assert.ThrowsAsync<NodeStartException>(host.StartAsync);
        Assert.Equal($"{_directory["empty.pem"]} (tosec.cluster.tls.ca) holds no certificate", e.Message);
    }

    // The server judges the client's certificate after the handshake at the latest, and says nothing to whom it refuses.
    private static async Task AssertCutOffAsync(int port, X509Certificate2? certificate)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", port);
        await using var stream = new SslStream(client.GetStream(), false, static (_, _, _, _) => true);
        using var limit = new CancellationTokenSource(TosecProcess.Patience);
        try
        {
            await stream.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions
                {
                    TargetHost = "h1",
                    EnabledSslProtocols = SslProtocols.Tls12,
                    ClientCertificates = certificate is null ? null : [certificate],
                },
                limit.Token);
            Assert.Equal(0, await stream.ReadAsync(new byte[1], limit.Token));
        }
        catch (Exception e) when (e is IOException or AuthenticationException)
        {
        }
    }

    private NodeHost Make(string name, string more = "")
    {
        File.WriteAllBytes(_directory[name + ".pfx"], _own.Issue(name).Export(X509ContentType.Pkcs12, "secret"));
        var settings = NodeSettingsLoader.Parse(name + ".conf", $$"""
            tosec {
              node {
                name = {{name}}
                role = host
                run-directory = "{{_directory.Path}}"
              }
              cluster.tls {
                certificate = "{{_directory[name + ".pfx"]}}"
                password = secret
                ca = "{{_directory.Write("ca.pem", _own.Pem)}}"
              }
            }
            {{more}}
            """);
        return new NodeHost(settings, new RoleTable().Add(NodeRole.Host, _ => new TestRole()), Logger.None);
    }
}
