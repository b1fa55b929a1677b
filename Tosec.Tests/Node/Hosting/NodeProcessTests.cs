using System.Runtime.InteropServices;
using System.Text.Json;
using Tosec.Node.Hosting;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Node.Hosting;

/// <summary>Nodes as processes: signals, sockets, exit codes.</summary>
public sealed class NodeProcessTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData(PosixSignal.SIGTERM, 1)]
    [InlineData(PosixSignal.SIGINT, 1)]
    [InlineData(PosixSignal.SIGTERM, 5)]
    public async Task A_member_leaves_and_ends_with_0_however_often_it_is_told(PosixSignal signal, int times)
    {
        using var node = TosecProcess.StartPeer("node", "-c", WriteConfig("n1", "host"));
        await node.SaysAsync("node started");
        for (var i = 0; i < times; i++)
            node.Signal(signal);
        var (code, output, errors) = await node.EndAsync();
        Assert.Equal((0, ""), (code, output));
        Assert.Contains("node ended with exit code 0", errors, StringComparison.Ordinal);
        Assert.False(Path.Exists(_directory["n1.ctl"]));
    }

    [Fact]
    public async Task A_role_that_is_not_there_and_a_configuration_that_is_wrong_have_their_codes()
    {
        var wrong = await TosecProcess.RunAsync(["node", "-c", _directory.Write("x.conf", "tosec.node.nam = x\n")]);
        Assert.Equal(78, wrong.Code);
        using var peer = TosecProcess.StartPeer("node", "-c", WriteConfig("n1", "host", "tosec.log.file = \"/proc/nope/log\"\n"));
        var unwritable = await peer.EndAsync();
        Assert.Equal(69, unwritable.Code);
        Assert.StartsWith("tosec: cannot write the log file /proc/nope/log (tosec.log.file)", unwritable.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Cmd_finds_its_node_prints_tables_and_JSON_and_has_codes()
    {
        using var host = TosecProcess.StartPeer("node", "-c", WriteConfig("h1", "host", "tosec.cluster.join = off\n"));
        await host.SaysAsync("node started");
        Assert.Equal((0, "pong\n", ""), await CmdAsync("test", "ping"));

        using var tovm = TosecProcess.StartPeer("node", "-c", WriteConfig("t1", "tovm", "tosec.cluster.join = off\ntosec.tovm.guests = [a]\n"));
        await tovm.SaysAsync("node started");
        var table = await CmdAsync("node", "show");
        Assert.Equal(0, table.Code);
        Assert.Matches(@"name\s+t1", table.Output);
        var json = await CmdAsync("node", "show", "--node", "h1", "--json");
        var facts = JsonDocument.Parse(json.Output).RootElement.EnumerateArray().ToDictionary(f => f.GetProperty("fact").GetString()!, f => f.GetProperty("value"));
        Assert.Equal("h1", facts["name"].GetString());
        Assert.Equal(host.Id, facts["process"].GetInt32());

        var unknown = await CmdAsync("stream", "lst");
        Assert.Equal(64, unknown.Code);
        Assert.Contains("there is no palette 'stream'\nchain show", unknown.Errors, StringComparison.Ordinal);
        var missing = await CmdAsync("node", "show", "--node", "x");
        Assert.Equal((69, $"tosec: there is no node x in {_directory.Path}; there are: h1, t1"), (missing.Code, missing.Errors));
        var failed = await CmdAsync("cluster", "show", "--json");
        Assert.Equal(1, failed.Code);
        Assert.Equal("this node joins no cluster (tosec.cluster.join)", JsonDocument.Parse(failed.Output).RootElement.GetProperty("error").GetString());

        // A dead TOVM leaves its socket file, and is not taken for one.
        tovm.Kill();
        Assert.True(Path.Exists(_directory["t1.ctl"]));
        Assert.False(UnixSockets.IsAnswering(_directory["t1.ctl"]));
        var which = await CmdAsync("node", "show");
        Assert.Equal((64, "tosec: which node? name one by --node: h1 (host), t1 (not running)"), (which.Code, which.Errors));
    }

    [Fact]
    public async Task A_node_that_fails_ends_with_70()
    {
        using var node = TosecProcess.StartPeer("node", "-c", WriteConfig("n1", "host", "tosec.cluster.join = off\n"));
        await node.SaysAsync("node started");
        await CmdAsync("test", "fail");
        var end = await node.EndAsync();
        Assert.Equal(70, end.Code);
        Assert.Contains("the node cannot go on: a test wants it", end.Errors, StringComparison.Ordinal);
    }

    private Task<(int Code, string Output, string Errors)> CmdAsync(params string[] words) =>
        TosecProcess.RunAsync(["cmd", "--run-directory", _directory.Path, .. words]);

    private string WriteConfig(string name, string role, string more = "") => _directory.Write(
        name + ".conf", $"tosec.node.name = {name}\ntosec.node.role = {role}\ntosec.node.run-directory = \"{_directory.Path}\"\n{more}");
}
