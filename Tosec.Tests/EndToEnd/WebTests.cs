using System.Security.Cryptography;

namespace Tosec.Tests.EndToEnd;

/// <summary>Unmodified web servers and clients through a chain of two SVMs.</summary>
[Collection(SiteCollection.Name)]
public sealed class WebTests(Site site)
{
    [Fact]
    public async Task Pythons_server_in_a_guest_is_reached_through_both_SVMs_and_injections_are_not_let_through()
    {
        File.WriteAllText(site["www/hello.html"], "hello from the guest\n");
        var server = site.Start("alice", "python3", "-m", "http.server", "--bind", site.Alice, $"{Site.WebPort}");
        await Site.Listening(server, site.Alice, Site.WebPort);

        var page = await site.RunOutside("curl", "-sS", "-m", "20", $"http://{site.Alice}:{Site.WebPort}/hello.html");
        Assert.Equal((0, "hello from the guest\n", ""), page);
        var wget = await site.RunOutside("wget", "-q", "-O", "-", $"http://{site.Alice}:{Site.WebPort}/hello.html");
        Assert.Equal((0, "hello from the guest\n", ""), wget);

        foreach (var attack in new[] { "?id=1%27%20OR%20%271%27=%271%27%20--%20", "?q=%3Cscript%3Ealert(1)%3C/script%3E" })
        {
            var blocked = await site.RunOutside("curl", "-sS", "-m", "20", "-w", "%{http_code}", $"http://{site.Alice}:{Site.WebPort}/hello.html{attack}");
            Assert.EndsWith("403", blocked.Output, StringComparison.Ordinal);
            var threats = await site.Command("waf-1", "threat", "list");
            var newest = threats[0];
            Assert.Equal("blocked", newest.GetProperty("action").GetString());
            Assert.Contains(newest.GetProperty("reference").GetString()!, blocked.Output, StringComparison.Ordinal);
            Assert.Contains(newest.GetProperty("reference").GetString()!, File.ReadAllText(Path.Combine(site.RunDirectory, "waf-1.eve.json")), StringComparison.Ordinal);
        }

        await site.EndsClean(server);
    }

    [Fact]
    public async Task Nginx_with_a_worker_serves_many_clients_and_large_files()
    {
        var content = new byte[20 << 20];
        Random.Shared.NextBytes(content);
        File.WriteAllBytes(site["www/big.bin"], content);
        File.WriteAllText(site["www/index.html"], "nginx in a guest\n");
        Directory.CreateDirectory(site["nginx"]);
        File.WriteAllText(site["nginx/nginx.conf"], $$"""
            user root;
            worker_processes 1;
            daemon off;
            error_log {{site["nginx/error.log"]}} info;
            pid {{site["nginx/pid"]}};
            events { worker_connections 2048; }
            http {
              access_log off;
              default_type application/octet-stream;
              types { text/html html; }
              client_body_temp_path {{site["nginx/a"]}};
              proxy_temp_path {{site["nginx/b"]}};
              fastcgi_temp_path {{site["nginx/c"]}};
              uwsgi_temp_path {{site["nginx/d"]}};
              scgi_temp_path {{site["nginx/e"]}};
              server {
                listen {{site.Alice}}:{{Site.WebPort}};
                root {{site["www"]}};
              }
            }
            """);
        var server = site.Start("alice", "nginx", "-c", site["nginx/nginx.conf"]);
        await Site.Listening(server, site.Alice, Site.WebPort);

        using var client = new HttpClient(new SocketsHttpHandler { MaxConnectionsPerServer = 32 }) { Timeout = TimeSpan.FromSeconds(60) };
        var address = $"http://{site.Alice}:{Site.WebPort}";
        Assert.Equal(SHA256.HashData(content), SHA256.HashData(await client.GetByteArrayAsync($"{address}/big.bin")));
        var pages = await Task.WhenAll(Enumerable.Range(0, 400).Select(_ => client.GetStringAsync($"{address}/")));
        Assert.All(pages, page => Assert.Equal("nginx in a guest\n", page));

        var fetched = await site.RunIn("bob", "curl", "-sS", "-m", "30", $"{address}/index.html");
        Assert.Equal((0, "nginx in a guest\n"), (fetched.Code, fetched.Output));
        var insider = await site.RunIn("bob", "curl", "-sS", "-m", "30", "-w", "%{http_code}", $"{address}/?id=1%27%20OR%20%271%27=%271%27%20--%20");
        Assert.EndsWith("403", insider.Output, StringComparison.Ordinal);

        client.Dispose();
        await site.EndsClean(server);
    }

    [Fact]
    public async Task Guests_reach_out_through_their_chain_and_only_where_the_policy_lets_them()
    {
        File.WriteAllText(site["www/out.txt"], "the world outside\n");
        var server = site.StartOutside("python3", "-m", "http.server", "--bind", site.Outside, "7070");
        await Site.Listening(server, site.Outside, 7070);
        foreach (var guest in new[] { "alice", "bob" })
        {
            var curl = await site.RunIn(guest, "curl", "-sS", "-m", "20", $"http://{site.Outside}:7070/out.txt");
            Assert.Equal((0, "the world outside\n", ""), curl);
            var wget = await site.RunIn(guest, "wget", "-q", "-O", "-", $"http://{site.Outside}:7070/out.txt");
            Assert.Equal((0, "the world outside\n"), (wget.Code, wget.Output));
        }

        var denied = await site.RunIn("bob", "curl", "-sS", "-m", "20", "http://127.0.0.2:7070/");
        Assert.Equal(7, denied.Code);
        var blocked = await site.RunIn("alice", "curl", "-sS", "-m", "20", "-w", "%{http_code}", $"http://{site.Outside}:7070/?q=%3Cscript%3Ealert(1)%3C/script%3E");
        Assert.EndsWith("403", blocked.Output, StringComparison.Ordinal);
        await site.EndsClean(server);

        // The node says beforehand what it does.
        Assert.Contains("chain counted by rule 4", (await site.Command("tovm", "chain", "route", "bob", "outgoing", $"{site.Outside}:7070")).ToString(), StringComparison.Ordinal);
        Assert.Contains("denied: no rule matches", (await site.Command("tovm", "chain", "route", "bob", "outgoing", "127.0.0.2:7070")).ToString(), StringComparison.Ordinal);
        Assert.Contains("stays within the guest", (await site.Command("tovm", "chain", "route", "bob", "outgoing", "[::1]:7070")).ToString(), StringComparison.Ordinal);
        var chains = await site.Command("tovm", "chain", "list");
        Assert.Equal(["bare", "counted", "guarded", "web"], chains.EnumerateArray().Select(c => c.GetProperty("chain").GetString()));
    }
}
