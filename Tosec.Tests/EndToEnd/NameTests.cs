using System.Diagnostics;
using System.Net;
using Tosec.Tests.Peer;

namespace Tosec.Tests.EndToEnd;

/// <summary>
/// Names in a guest without a network: programs in a network namespace that has nothing but loopback, a DNS server outside that is asked
/// by TCP through the guest's chain.
/// </summary>
[Collection(SiteCollection.Name)]
public sealed class NameTests(Site site)
{
    private const int Port = 7272;

    // Everything the C library resolves by, and a program that does not know of any of it.
    private const string Script = """
        set -e
        ip link set lo up
        mount --bind "$1" /etc/resolv.conf
        dotnet "$2" dns --agent "$3" --server "$4" &
        relay=$!
        trap 'kill $relay; wait $relay; echo "relay $?"' EXIT
        tries=0
        until getent hosts web.example >/dev/null; do
            tries=$((tries + 1))
            test $tries -lt 300
            sleep 0.1
        done
        getent hosts localhost >/dev/null && echo "from /etc/hosts"
        getent hosts web.example
        getent ahosts web.example | head -1
        getent hosts nobody.example || echo "no such name"
        python3 -c 'import socket; print(len(socket.getaddrinfo("many.example", 80, socket.AF_INET, socket.SOCK_STREAM)))'
        python3 -c 'import socket, sys; print(socket.getnameinfo((sys.argv[1], 80), 0)[0])' "$5"
        dotnet "$2" run --agent "$3" -- curl -sS -m 30 "http://web.example:$6/name.txt"
        """;

    [SkippableTheory]
    [InlineData("")]
    [InlineData("options use-vc\n")]
    public async Task A_guest_without_a_network_resolves_names_by_its_relay(string options)
    {
        Skip.IfNot(await HasNamespacesAsync(), "no namespaces for this user (unshare), or no ip");
        File.WriteAllText(site["www/name.txt"], "found by its name\n");
        var web = site.StartOutside("python3", "-m", "http.server", "--bind", site.Outside, $"{Port}");
        await Site.Listening(web, site.Outside, Port);
        using var dns = new DnsServer(IPAddress.Parse(site.Outside), new Dictionary<string, IPAddress[]>
        {
            ["web.example"] = [IPAddress.Parse(site.Outside)],
            // More than a datagram of 512 bytes holds.
            ["many.example"] = [.. Enumerable.Range(1, 60).Select(i => new IPAddress([10, 0, 0, (byte)i]))],
        });
        File.WriteAllText(site["resolv.conf"], $"nameserver 127.0.0.1\n{options}");

        var (code, output, errors) = await site.RunOutside("unshare", "--map-root-user", "--mount", "--net", "sh", "-c", Script, "sh",
            site["resolv.conf"], Path.Combine(AppContext.BaseDirectory, "tosec.dll"), Path.Combine(site.RunDirectory, "bob", "agent.sock"),
            $"{dns.EndPoint}", site.Outside, $"{Port}");

        Assert.True(code == 0, $"{output}\n{errors}");
        Assert.Equal(
            ["from /etc/hosts", $"{site.Outside} web.example", $"{site.Outside} STREAM web.example", "no such name", "60", "web.example", "found by its name", "relay 0"],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))));
        Assert.True(dns.Questions > 5);
        web.Kill();
        await site.IsClean(socketsLeft: 0);
    }

    [Fact]
    public async Task The_relay_says_what_it_lacks()
    {
        var (code, _, errors) = await TosecProcess.RunAsync(["dns", "--agent", Path.Combine(site.RunDirectory, "bob", "agent.sock"), "--server", "nonsense"]);
        Assert.Equal((64, true), (code, errors.Contains("--server nonsense", StringComparison.Ordinal)));
        (code, _, errors) = await TosecProcess.RunAsync(["dns", "--agent", "/nowhere/agent.sock", "--server", "127.0.0.1"]);
        Assert.Equal((69, true), (code, errors.Contains("there is no agent", StringComparison.Ordinal)));
    }

    private static async Task<bool> HasNamespacesAsync()
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo("unshare", ["--map-root-user", "--mount", "--net", "ip", "link", "set", "lo", "up"])
            {
                RedirectStandardError = true,
            })!;
            await process.WaitForExitAsync();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
