using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Tosec.Tests.Peer;

namespace Tosec.Tests.EndToEnd;

/// <summary>
/// A whole host: host, TOVM, three SVMs and two guests as real processes, on addresses of the loopback range that are its own. Programs
/// run in the guests by <c>tosec run</c>.
/// </summary>
public sealed class Site : IAsyncLifetime
{
    public const int WebPort = 8080;
    public const int BarePort = 8081;
    public const int CountedPort = 8082;
    public const int GuardedPort = 8083;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private readonly TemporaryDirectory _directory = new();
    private readonly Dictionary<string, TosecProcess> _nodes = [];
    private readonly List<Process> _programs = [];
    private readonly string _subnet = $"127.{Random.Shared.Next(1, 250)}.{Random.Shared.Next(1, 250)}";

    /// <summary>Guests whose nodes are not started here: a test has them in VMs.</summary>
    public string[] Elsewhere { get; init; } = [];

    public string Alice => $"{_subnet}.1";

    public string Bob => $"{_subnet}.2";

    /// <summary>An address of nobody's: the world outside.</summary>
    public string Outside => $"{_subnet}.200";

    public string RunDirectory => _directory["run"];

    public string this[string file] => _directory[file];

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(_directory["www"]);
        _directory.Write("site.conf", SiteConf(FreePort()));
        _directory.Write("ips.rules", "");
        foreach (var (name, role) in new[] { ("host", "host"), ("tovm", "tovm"), ("waf-1", "svm"), ("counter-1", "svm"), ("ips-1", "svm"), ("alice", "guest"), ("bob", "guest") })
        {
            _directory.Write(name + ".conf", $$"""
                include "site.conf"
                tosec.node {
                  name = {{name}}
                  role = {{role}}
                }
                {{(role == "svm" ? $"tosec.svm.type = {name[..^2]}" : "")}}
                {{(name == "host" ? $"tosec.cluster.port = {_clusterPort}" : "")}}
                """);
            if (!Elsewhere.Contains(name))
                StartNode(name);
        }

        foreach (var guest in new[] { "alice", "bob" })
        {
            foreach (var node in new[] { "tovm", "waf-1", "counter-1", guest }.Except(Elsewhere))
                await SaysAsync(node, $"guest {guest} attached");
        }

        await SaysAsync("ips-1", "guest alice attached");
    }

    public async Task DisposeAsync()
    {
        foreach (var program in _programs)
        {
            if (!program.HasExited)
                program.Kill(entireProcessTree: true);
            program.Dispose();
        }

        foreach (var node in _nodes.Values)
            node.Signal(System.Runtime.InteropServices.PosixSignal.SIGTERM);
        foreach (var node in _nodes.Values)
        {
            await node.EndAsync();
            node.Dispose();
        }

        _directory.Dispose();
    }

    private int _clusterPort;

    public void StartNode(string name) => _nodes[name] = TosecProcess.Start(["node", "-c", _directory[name + ".conf"]]);

    internal TosecProcess Node(string name) => _nodes[name];

    public Task SaysAsync(string node, string text) => _nodes[node].SaysAsync(text);

    /// <summary>Starts a program in a guest; ends with the site.</summary>
    public Process Start(string guest, string program, params string[] arguments) => StartWith(guest, null, program, arguments);

    /// <summary>Starts a program in a guest, its system calls served by the supervisor.</summary>
    public Process StartSupervised(string guest, string program, params string[] arguments) =>
        StartRun(guest, ["--all-syscalls"], null, program, arguments);

    public Process StartWith(string guest, Action<ProcessStartInfo>? change, string program, params string[] arguments) =>
        StartRun(guest, [], change, program, arguments);

    private Process StartRun(string guest, string[] options, Action<ProcessStartInfo>? change, string program, string[] arguments)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = _directory["www"],
        };
        foreach (var word in new[] { Path.Combine(AppContext.BaseDirectory, "tosec.dll"), "run", "--run-directory", RunDirectory, "--guest", guest }.Concat(options).Concat(["--", program]))
            start.ArgumentList.Add(word);
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        start.Environment["TOSEC_DEBUG"] = "1";
        change?.Invoke(start);
        var process = Process.Start(start)!;
        _programs.Add(process);
        return process;
    }

    /// <summary>Runs a program in a guest to its end.</summary>
    public Task<(int Code, string Output, string Errors)> RunIn(string guest, string program, params string[] arguments) =>
        EndOf(Start(guest, program, arguments));

    /// <summary>Runs a program outside of all guests.</summary>
    public Task<(int Code, string Output, string Errors)> RunOutside(string program, params string[] arguments) =>
        EndOf(StartOutside(program, arguments));

    public Process StartOutside(string program, params string[] arguments)
    {
        var process = Process.Start(new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = _directory["www"],
        })!;
        _programs.Add(process);
        return process;
    }

    /// <summary>A command's answer as JSON.</summary>
    public async Task<JsonElement> Command(string node, params string[] words)
    {
        var (code, output, errors) = await TosecProcess.RunAsync(["cmd", "--run-directory", RunDirectory, "--node", node, "--json", .. words]);
        Assert.True(code == 0, errors);
        return JsonDocument.Parse(output).RootElement.Clone();
    }

    /// <summary>Waits until a server listens.</summary>
    public static async Task Listening(Process server, string address, int port) => await Until(async () =>
    {
        if (server.HasExited)
            Assert.Fail($"the server ended with {server.ExitCode}: {await server.StandardError.ReadToEndAsync()}");
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await socket.ConnectAsync(IPAddress.Parse(address), port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }, $"nobody listens on {address}:{port}");

    public static async Task Until(Func<Task<bool>> condition, string what)
    {
        var deadline = Environment.TickCount64 + (long)_patience.TotalMilliseconds;
        while (!await condition())
        {
            Assert.True(Environment.TickCount64 < deadline, what);
            await Task.Delay(20);
        }
    }

    /// <summary>Kills a program; then every buffer is back and no socket of any guest is left.</summary>
    public async Task EndsClean(Process program)
    {
        program.Kill(entireProcessTree: true);
        await program.WaitForExitAsync();
        await IsClean(socketsLeft: 0);
    }

    /// <summary>Every buffer is back, and no more than so many sockets, all of them listeners, are left.</summary>
    public async Task IsClean(int socketsLeft)
    {
        JsonElement pools = default;
        JsonElement streams = default;
        var deadline = Environment.TickCount64 + (long)_patience.TotalMilliseconds;
        do
        {
            pools = await Command("host", "pool", "show");
            streams = await Command("tovm", "stream", "list");
            if (pools.EnumerateArray().All(p => p.GetProperty("in-use").GetInt32() == 0)
                && streams.GetArrayLength() <= socketsLeft && streams.EnumerateArray().All(s => s.GetProperty("state").GetString() == "listening"))
                return;
        }
        while (Environment.TickCount64 < deadline);
        Assert.Fail($"left over: {pools} {streams}");
    }

    /// <summary>Waits for a program's end.</summary>
    public static async Task<(int Code, string Output, string Errors)> EndOf(Process process)
    {
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(_patience);
        return (process.ExitCode, await output, await errors);
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private string SiteConf(int clusterPort)
    {
        _clusterPort = clusterPort;
        return $$"""
            tosec {
              node.run-directory = "{{RunDirectory}}"
              cluster.seed-nodes = ["127.0.0.1:{{clusterPort}}"]
              host {
                svms {
                  waf-1 { type = waf }
                  counter-1 { type = counter }
                  ips-1 { type = ips }
                }
                guests {
                  alice {
                    tenant = red
                    addresses = ["{{Alice}}", "::1"]
                    svms = [waf-1, counter-1, ips-1]
                  }
                  bob {
                    tenant = blue
                    addresses = ["{{Bob}}"]
                    svms = [waf-1, counter-1]
                  }
                }
              }
              chains {
                web { svms = [waf, counter] }
                counted { svms = [counter] }
                guarded { svms = [ips, counter] }
                bare { svms = [] }
              }
              engines.ips.rules = ["{{_directory["ips.rules"]}}"]
              policy = [
                { direction = incoming
                  port = "{{WebPort}}"
                  chain = web }
                { direction = incoming
                  port = "{{BarePort}}"
                  chain = bare }
                { direction = incoming
                  port = "{{CountedPort}}"
                  chain = counted }
                { guest = bob
                  direction = outgoing
                  address = "{{_subnet}}.0/24"
                  chain = counted }
                { guest = alice
                  direction = outgoing
                  address = "{{_subnet}}.0/24"
                  chain = web }
                { guest = alice
                  direction = incoming
                  port = "{{GuardedPort}}"
                  chain = guarded }
              ]
            }
            """;
    }
}

/// <summary>Tests that share a site run one after another.</summary>
[CollectionDefinition(Name)]
public sealed class SiteCollection : ICollectionFixture<Site>
{
    public const string Name = "whole host";
}
