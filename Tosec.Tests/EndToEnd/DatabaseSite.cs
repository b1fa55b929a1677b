using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Tosec.Tests.Peer;

namespace Tosec.Tests.EndToEnd;

/// <summary>
/// A host with a guest whose way out leads through a database access auditor; database servers run outside, as an unprivileged user in
/// folders of their own. Nodes and servers are real processes.
/// </summary>
public sealed class DatabaseSite : IAsyncLifetime
{
    public const int PostgreSql = 15432;
    public const int MySql = 13306;
    public const int Redis = 16379;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private readonly TemporaryDirectory _directory = new();
    private readonly List<TosecProcess> _nodes = [];
    private readonly List<Process> _programs = [];
    private readonly string _subnet = $"127.{Random.Shared.Next(1, 250)}.{Random.Shared.Next(1, 250)}";

    public string Outside => $"{_subnet}.200";

    public string this[string file] => _directory[file];

    public async Task InitializeAsync()
    {
        var clusterPort = FreePort();
        _directory.Write("site.conf", $$"""
            tosec {
              node.run-directory = "{{_directory["run"]}}"
              cluster.seed-nodes = ["127.0.0.1:{{clusterPort}}"]
              host {
                svms {
                  auditor-1 { type = auditor }
                }
                guests {
                  alice {
                    tenant = red
                    addresses = ["{{_subnet}}.1"]
                    svms = [auditor-1]
                  }
                }
              }
              chains {
                audited { svms = [auditor] }
              }
              policy = [
                { guest = alice
                  direction = outgoing
                  address = "{{_subnet}}.0/24"
                  chain = audited }
              ]
            }
            """);
        foreach (var (name, role) in new[] { ("host", "host"), ("tovm", "tovm"), ("auditor-1", "svm"), ("alice", "guest") })
        {
            _directory.Write(name + ".conf", $$"""
                include "site.conf"
                tosec.node {
                  name = {{name}}
                  role = {{role}}
                }
                {{(name == "host" ? $"tosec.cluster.port = {clusterPort}" : "")}}
                {{(role == "svm" ? Auditor : "")}}
                """);
            _nodes.Add(TosecProcess.Start(["node", "-c", _directory[name + ".conf"]]));
        }

        foreach (var node in _nodes.Skip(1))
            await node.SaysAsync("guest alice attached");
    }

    public async Task DisposeAsync()
    {
        foreach (var program in _programs)
        {
            if (!program.HasExited)
                program.Kill(entireProcessTree: true);
            await program.WaitForExitAsync();
            program.Dispose();
        }

        foreach (var node in _nodes)
            node.Signal(System.Runtime.InteropServices.PosixSignal.SIGTERM);
        foreach (var node in _nodes)
        {
            await node.EndAsync();
            node.Dispose();
        }

        _directory.Dispose();
    }

    private static string Auditor => $$"""
        tosec.svm.type = auditor
        tosec.engines.auditor {
          postgresql-ports = [{{PostgreSql}}]
          mysql-ports = [{{MySql}}]
          redis-ports = [{{Redis}}]
          parameters = plain
          rules = [
            { action = block
              class = [delete, ddl]
              table = kept }
            { action = block
              function = "flush*" }
            { action = alert
              table = watched }
          ]
        }
        """;

    /// <summary>Runs a program in the guest to its end.</summary>
    public Task<(int Code, string Output, string Errors)> RunInGuest(string input, string program, params string[] arguments) =>
        Run(input, "dotnet", [Path.Combine(AppContext.BaseDirectory, "tosec.dll"), "run", "--run-directory", _directory["run"], "--guest", "alice", "--", program, .. arguments]);

    /// <summary>Runs a program outside to its end, as the user that servers run as.</summary>
    public async Task RunAsServer(string program, params string[] arguments)
    {
        var (code, output, errors) = await Run("", AsServer(program), ServerWords(program, arguments));
        Assert.True(code == 0, $"{program}: {output} {errors}");
    }

    /// <summary>Starts a server and waits until it listens on the port.</summary>
    public async Task StartServer(int port, string program, params string[] arguments)
    {
        var server = Start(AsServer(program), ServerWords(program, arguments));
        _programs.Add(server);
        var errors = server.StandardError.ReadToEndAsync();
        var output = server.StandardOutput.ReadToEndAsync();
        var deadline = Environment.TickCount64 + (long)_patience.TotalMilliseconds;
        while (true)
        {
            if (server.HasExited)
                Assert.Fail($"{program} has ended: {await errors} {await output}");
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            try
            {
                await socket.ConnectAsync(IPAddress.Parse(Outside), port);
                return;
            }
            catch (SocketException)
            {
                Assert.True(Environment.TickCount64 < deadline, $"{program} does not listen");
                await Task.Delay(50);
            }
        }
    }

    /// <summary>A folder that servers may write.</summary>
    public async Task<string> ServerFolder(string name)
    {
        var folder = Directory.CreateDirectory(_directory[name]).FullName;
        File.SetUnixFileMode(_directory.Path, File.GetUnixFileMode(_directory.Path) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        if (Environment.IsPrivilegedProcess)
            await Run("", "chown", ["nobody", folder]);
        return folder;
    }

    /// <summary>The audit objects of the events so far, once there is one that fits.</summary>
    public async Task<List<JsonElement>> Audits(Func<JsonElement, bool> awaited)
    {
        var deadline = Environment.TickCount64 + (long)_patience.TotalMilliseconds;
        while (true)
        {
            var audits = new List<JsonElement>();
            var path = Path.Combine(_directory["run"], "auditor-1.eve.json");
            foreach (var line in File.Exists(path) ? await File.ReadAllLinesAsync(path) : [])
            {
                if (!line.EndsWith('}'))
                    continue;
                var json = JsonDocument.Parse(line).RootElement;
                if (json.GetProperty("event_type").GetString() == "audit")
                    audits.Add(json.GetProperty("audit"));
            }

            if (audits.Any(awaited))
                return audits;
            Assert.True(Environment.TickCount64 < deadline, "no such audit record: " + string.Join('\n', audits));
            await Task.Delay(50);
        }
    }

    private static string AsServer(string program) => Environment.IsPrivilegedProcess ? "setpriv" : program;

    private static string[] ServerWords(string program, string[] arguments) =>
        Environment.IsPrivilegedProcess ? ["--reuid=nobody", "--regid=nogroup", "--clear-groups", program, .. arguments] : arguments;

    private Process Start(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = "/",
        };
        start.Environment["PGPASSWORD"] = "secret-word";
        start.Environment["HOME"] = _directory.Path;
        return Process.Start(start)!;
    }

    private async Task<(int Code, string Output, string Errors)> Run(string input, string program, string[] arguments)
    {
        using var process = Start(program, arguments);
        await process.StandardInput.WriteAsync(input);
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
}

/// <summary>Tests that share a site with databases run one after another.</summary>
[CollectionDefinition(Name)]
public sealed class DatabaseCollection : ICollectionFixture<DatabaseSite>
{
    public const string Name = "databases";
}
