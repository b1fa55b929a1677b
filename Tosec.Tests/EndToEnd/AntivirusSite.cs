using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Tosec.Tests.Engines.Antivirus;
using Tosec.Tests.Peer;

namespace Tosec.Tests.EndToEnd;

/// <summary>A host with one guest behind the antivirus, as real processes, and a clamd.</summary>
public sealed class AntivirusSite : IAsyncLifetime
{
    public const int WebPort = 8080;

    private readonly TemporaryDirectory _directory = new();
    private readonly Dictionary<string, TosecProcess> _nodes = [];
    private readonly List<Process> _programs = [];
    private readonly string _subnet = $"127.{Random.Shared.Next(1, 250)}.{Random.Shared.Next(1, 250)}";

    public string Alice => $"{_subnet}.1";

    internal ClamdProcess Clamd { get; } = new();

    public string this[string file] => _directory[file];

    public async Task InitializeAsync()
    {
        Directory.CreateDirectory(_directory["www"]);
        var port = FreePort();
        _directory.Write("site.conf", $$"""
            tosec {
              node.run-directory = "{{_directory["run"]}}"
              cluster.seed-nodes = ["127.0.0.1:{{port}}"]
              engines.antivirus.socket = "{{Clamd.Socket}}"
              host {
                svms.antivirus-1 { type = antivirus }
                guests.alice {
                  tenant = red
                  addresses = ["{{Alice}}"]
                  svms = [antivirus-1]
                }
              }
              chains.scanned { svms = [antivirus] }
              policy = [
                { chain = scanned
                }
              ]
            }
            """);
        foreach (var (name, role) in new[] { ("host", "host"), ("tovm", "tovm"), ("antivirus-1", "svm"), ("alice", "guest") })
        {
            _directory.Write(name + ".conf", $$"""
                include "site.conf"
                tosec.node {
                  name = {{name}}
                  role = {{role}}
                }
                {{(role == "svm" ? "tosec.svm.type = antivirus" : "")}}
                {{(name == "host" ? $"tosec.cluster.port = {port}" : "")}}
                """);
            _nodes[name] = TosecProcess.Start(["node", "-c", _directory[name + ".conf"]]);
        }

        foreach (var node in new[] { "tovm", "antivirus-1", "alice" })
            await _nodes[node].SaysAsync("guest alice attached");
    }

    public async Task DisposeAsync()
    {
        foreach (var program in _programs)
        {
            if (!program.HasExited) program.Kill(entireProcessTree: true);
            program.Dispose();
        }

        foreach (var node in _nodes.Values)
            node.Signal(System.Runtime.InteropServices.PosixSignal.SIGTERM);
        foreach (var node in _nodes.Values)
        {
            await node.EndAsync();
            node.Dispose();
        }

        Clamd.Dispose();
        _directory.Dispose();
    }

    /// <summary>Starts a program in the guest; ends with the site.</summary>
    public Process Start(string program, params string[] arguments) => Run("dotnet",
        [Path.Combine(AppContext.BaseDirectory, "tosec.dll"), "run", "--run-directory", _directory["run"], "--guest", "alice", "--", program, .. arguments]);

    /// <summary>Runs a program outside of the guest.</summary>
    public async Task<(int Code, string Output, string Errors)> RunOutside(string program, params string[] arguments)
    {
        var process = Run(program, arguments);
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync().WaitAsync(TosecProcess.Patience);
        return (process.ExitCode, await output, await errors);
    }

    /// <summary>A command's answer as JSON.</summary>
    public async Task<JsonElement> Command(string node, params string[] words)
    {
        var (code, output, errors) = await TosecProcess.RunAsync(["cmd", "--run-directory", _directory["run"], "--node", node, "--json", .. words]);
        Assert.True(code == 0, errors);
        return JsonDocument.Parse(output).RootElement.Clone();
    }

    /// <summary>The events of the antivirus so far.</summary>
    public JsonElement[] Events() =>
        [.. File.ReadAllLines(_directory["run/antivirus-1.eve.json"]).Select(line => JsonDocument.Parse(line).RootElement)];

    private Process Run(string program, string[] arguments)
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

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
