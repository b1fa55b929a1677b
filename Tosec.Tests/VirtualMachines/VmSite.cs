using System.Diagnostics;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using Tosec.Tests.Peer;

namespace Tosec.Tests.VirtualMachines;

/// <summary>
/// The site of <c>hocon/vm</c> as it is shipped, on networks of its own: TOVM, two SVMs and alice as virtual machines, a host node and
/// the world outside as processes. Alice serves one page to one after another, also after her TOVM has gone and come back.
/// </summary>
public sealed class VmSite : IAsyncLifetime
{
    // All is emulated, on a machine that may be busy.
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    private const string Alice = """
        #!/bin/sh
        exec tosec run -- python3 -u -c '
        import http.server, socket, time
        class Page(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"served by alice\n")
        while True:
            try:
                with http.server.HTTPServer(("WORLD.11", 8080), Page) as server:
                    server.handle_request()
            except OSError as error:
                print("alice:", error)
                time.sleep(1)
        '
        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly string _number = $"{Environment.ProcessId % 200 + 20}";
    private TosecProcess? _host;

    public static IReadOnlyList<string> Vms { get; } = ["tovm", "waf-1", "counter-1", "alice"];

    public string AliceAddress => World + ".11";

    public string Outside => World + ".1";

    private string Management => $"10.{_number}.79";

    private string World => $"10.{_number}.80";

    private string RunDirectory => _directory["run"];

    /// <summary>Why there can be no site here; null: there is one.</summary>
    public string? Missing { get; private set; }

    public async Task InitializeAsync()
    {
        Missing = !File.Exists("/usr/bin/qemu-system-x86_64") ? "QEMU is not installed (scripts/packages/vm)"
            : Environment.UserName != "root" ? "making network interfaces takes root"
            : !File.Exists("/dev/net/tun") ? "this kernel has no /dev/net/tun" : null;
        if (Missing is not null)
            return;
        await NetworksAsync("up");
        foreach (var file in Directory.GetFiles(Path.Combine(Root, "hocon/vm")))
        {
            var text = await File.ReadAllTextAsync(file);
            _directory.Write(Path.GetFileName(file), text.Replace("10.77.0", Management, StringComparison.Ordinal)
                .Replace("10.78.0", World, StringComparison.Ordinal).Replace("tosec-m-", $"tt{_number}-m-", StringComparison.Ordinal)
                .Replace("tosec-o-", $"tt{_number}-o-", StringComparison.Ordinal));
        }

        _directory.Write("alice.sh", Alice.Replace("WORLD", World, StringComparison.Ordinal));
        await File.AppendAllTextAsync(_directory["vms.conf"], $$"""
            tosec.node.run-directory = "{{RunDirectory}}"
            tosec.host.vm-defaults.image = "{{Path.Combine(Root, "out/vm-image")}}"
            tosec.host.hypervisor { accelerator = tcg
              stop-limit = 20s }

            """);
        _host = TosecProcess.Start(["node", "-c", _directory["host.conf"]]);
        await _host.SaysAsync("node started");
        foreach (var vm in Vms)
            await StartAsync(vm);
        await Until(IsServed, "alice is not served");
    }

    public async Task DisposeAsync()
    {
        if (_host is not null)
        {
            _host.Signal(PosixSignal.SIGTERM);
            await _host.EndAsync();
            _host.Dispose();
        }

        if (Missing is null)
            await NetworksAsync("down");
        _directory.Dispose();
    }

    /// <summary>Starts a VM and does not wait for it.</summary>
    public async Task StartAsync(string vm)
    {
        var (code, _, errors) = await TosecProcess.RunAsync(["vm", "start", vm, "--run-directory", RunDirectory]);
        Assert.True(code == 0, errors);
    }

    /// <summary>SIGKILL for a VM's QEMU.</summary>
    public async Task KillAsync(string vm)
    {
        var row = (await Command("vm", "list", "--json", "--run-directory", RunDirectory)).Single(r => r.GetProperty("vm").GetString() == vm);
        using var process = Process.GetProcessById(row.GetProperty("process").GetInt32());
        process.Kill();
        await process.WaitForExitAsync();
    }

    /// <summary>What <c>tosec cmd</c> lists at a node of the host's.</summary>
    public Task<JsonElement[]> HostCommand(params string[] words) =>
        Command(["cmd", "--run-directory", RunDirectory, "--node", "host", "--json", .. words]);

    /// <summary>Everything that a VM has said on its serial port.</summary>
    public string Log(string vm) => File.ReadAllText(Path.Combine(RunDirectory, "vm", vm, "serial.log"));

    /// <summary>Status and body of a page of alice's, asked for from outside; 0 without an answer.</summary>
    public async Task<(int Status, string Body)> Get(string pathAndQuery)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(30) };
        try
        {
            using var answer = await client.GetAsync(new Uri($"http://{AliceAddress}:8080{pathAndQuery}"));
            return ((int)answer.StatusCode, await answer.Content.ReadAsStringAsync());
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException or SocketException or IOException)
        {
            return (0, e.Message);
        }
    }

    /// <summary>The same, asked for until there is an answer: alice listens anew for each request.</summary>
    public async Task<(int Status, string Body)> Ask(string pathAndQuery)
    {
        var answer = (Status: 0, Body: "");
        await Until(async () => (answer = await Get(pathAndQuery)).Status != 0, "alice does not answer");
        return answer;
    }

    public async Task<bool> IsServed() => (await Get("/")).Status == 200;

    /// <summary>A connection from outside to alice on which nothing is said yet.</summary>
    public async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await Until(async () =>
        {
            try
            {
                await socket.ConnectAsync(AliceAddress, 8080);
                return true;
            }
            catch (SocketException)
            {
                socket.Dispose();
                socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
                return false;
            }
        }, "nobody listens at alice's");
        return socket;
    }

    public async Task EveryBufferIsBack() => await Until(
        async () => (await HostCommand("pool", "show")).All(p => p.GetProperty("in-use").GetInt32() == 0), "buffers are in use");

    public static async Task Until(Func<Task<bool>> condition, string what)
    {
        var deadline = Environment.TickCount64 + (long)_patience.TotalMilliseconds;
        while (!await condition())
        {
            Assert.True(Environment.TickCount64 < deadline, what);
            await Task.Delay(200);
        }
    }

    private static string Root => VmFixture.Root();

    private static async Task<JsonElement[]> Command(params string[] words)
    {
        var (code, output, errors) = await TosecProcess.RunAsync(words);
        Assert.True(code == 0, errors);
        return [.. JsonDocument.Parse(output).RootElement.EnumerateArray()];
    }

    private async Task NetworksAsync(string what)
    {
        string[] own = what == "up" ? [$"{Management}.1/24"] : [];
        string[] outer = what == "up" ? [$"{Outside}/24"] : [];
        var (m, o) = ($"tt{_number}-m", $"tt{_number}-o");
        await RunAsync([what, m, .. own, $"{m}-tovm", $"{m}-waf", $"{m}-counter"]);
        await RunAsync([what, o, .. outer, $"{o}-tovm"]);

        static async Task RunAsync(string[] arguments)
        {
            using var process = Process.Start(Path.Combine(Root, "scripts/vm-network"), arguments);
            await process.WaitForExitAsync();
            Assert.Equal(0, process.ExitCode);
        }
    }
}
