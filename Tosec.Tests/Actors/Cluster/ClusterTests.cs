using Akka.Actor;
using Serilog.Core;
using Tosec.Actors.Cluster;
using Tosec.Actors.Commands;
using Tosec.Node.CommandLine;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;
using Tosec.Tests.Peer;
using AkkaCluster = Akka.Cluster.Cluster;

namespace Tosec.Tests.Actors.Cluster;

/// <summary>Several whole nodes in this process. Intervals are short so that the tests are; nothing depends on them.</summary>
public sealed class ClusterTests : IAsyncLifetime
{
    private const string Quick = """
        akka.cluster {
          gossip-interval = 100ms
          leader-actions-interval = 50ms
          periodic-tasks-initial-delay = 50ms
          unreachable-nodes-reaper-interval = 100ms
        }
        akka.scheduler.tick-duration = 10ms

        """;

    private readonly TemporaryDirectory _directory = new();
    private readonly List<NodeHost> _nodes = [];
    private readonly List<TestRole> _roles = [];

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        await Task.WhenAll(_nodes.Select(node => node.StopAsync())).WaitAsync(TosecProcess.Patience);
        _directory.Dispose();
    }

    [Fact]
    public async Task Members_know_one_another_by_name_and_a_leave_is_seen()
    {
        await StartAsync("h1", "host");
        await StartAsync("t1", "tovm", "tosec.tovm.guests = [a, b]\ntosec.node.host-number = 3\n");
        await StartAsync("waf1", "svm", "tosec.svm.type = waf\ntosec.svm.guests = [a]\n");
        foreach (var node in _nodes)
            await UntilAsync(node, rows => rows.Count == 3 && rows.All(row => row.Name is not null && row.Status == "up"));

        var rows = await ShowAsync(_nodes[0]);
        var tovm = rows.Single(row => row.Name == "t1");
        Assert.Equal("tovm", Assert.Single(tovm.Roles));
        Assert.Equal((3, true, false), (tovm.Host, tovm.IsReachable, tovm.IsSelf));
        Assert.Equal(["a", "b"], tovm.Guests!);
        Assert.Equal("waf", rows.Single(row => row.Name == "waf1").SvmType);
        Assert.True(rows.Single(row => row.Name == "h1").IsSelf);

        await _nodes[2].StopAsync().WaitAsync(TosecProcess.Patience);
        Assert.Equal(ExitCode.Ok, await _nodes[2].Ended);
        foreach (var node in _nodes[..2])
            await UntilAsync(node, r => r.Count == 2 && r.All(row => row.Name != "waf1"));
    }

    [Fact]
    public async Task Members_can_have_IPv6_addresses_in_any_spelling()
    {
        await StartAsync("h1", "host", "tosec.cluster.hostname = \"::1\"\n");
        var port = AkkaCluster.Get(_nodes[0].System).SelfAddress.Port;
        await StartAsync("h2", "host", $"tosec.cluster.hostname = \"::1\"\ntosec.cluster.seed-nodes = [\"[0::1]:{port}\"]\n");
        await UntilAsync(_nodes[0], rows => rows.Count == 2 && rows.All(row => row.Name is not null));
    }

    [Fact]
    public async Task What_changes_is_announced_and_strangers_are_not_believed()
    {
        await StartAsync("h1", "host");
        await StartAsync("h2", "host");
        await UntilAsync(_nodes[0], rows => rows.Count == 2 && rows.All(row => row.Name is not null));
        var registry = _roles[1].Context!.ClusterRegistry!;

        // This process's own local actors have no member's address either.
        var stranger = _nodes[0].System.ActorOf(Props.Empty);
        _roles[0].Context!.ClusterRegistry!.Tell(new NodeAnnouncement("evil", "host", 1, "", []), stranger);
        registry.Tell(new ClusterFactsProtocol.Announce(new NodeAnnouncement("h2", "host", 9, "", ["c"])));
        await UntilAsync(_nodes[0], rows => rows.Any(row => row.Host == 9));
        var rows = await ShowAsync(_nodes[0]);
        Assert.Equal(["h1", "h2"], rows.Select(row => row.Name!).Order());
        Assert.Equal(["c"], rows.Single(row => row.Name == "h2").Guests!);
    }

    [Fact]
    public async Task A_member_that_was_removed_goes_on_by_itself()
    {
        await StartAsync("h1", "host");
        await StartAsync("h2", "host");
        await UntilAsync(_nodes[0], rows => rows.Count == 2 && rows.All(row => row.Status == "up"));
        AkkaCluster.Get(_nodes[0].System).Down(AkkaCluster.Get(_nodes[1].System).SelfAddress);
        await UntilAsync(_nodes[0], rows => rows.Count == 1);
        await UntilAsync(() => Task.FromResult(AkkaCluster.Get(_nodes[1].System).IsTerminated));

        Assert.False(_nodes[1].Ended.IsCompleted);
        Assert.Equal(0, _roles[1].Stops);
        Assert.Equal("pong", (await _nodes[1].Commands.RunAsync(["test", "ping"])).Text);
        Assert.True((await _nodes[1].Commands.RunAsync(["cluster", "show"])).IsTable);
        await _nodes[1].StopAsync().WaitAsync(TosecProcess.Patience);
        Assert.Equal((ExitCode.Ok, 1), (await _nodes[1].Ended, _roles[1].Stops));
    }

    private static async Task UntilAsync(NodeHost node, Func<IReadOnlyList<Row>, bool> isSo) =>
        await UntilAsync(async () => isSo(await ShowAsync(node)));

    private static async Task UntilAsync(Func<Task<bool>> isSo)
    {
        using var limit = new CancellationTokenSource(TosecProcess.Patience);
        while (!await isSo())
            await Task.Delay(20, limit.Token);
    }

    private static async Task<IReadOnlyList<Row>> ShowAsync(NodeHost node)
    {
        var result = await node.Commands.RunAsync(["cluster", "show"]);
        Assert.Null(result.Error);
        Assert.Equal(
            ["address", "name", "roles", "status", "reachable", "host", "svm type", "guests", "self"], result.Columns.Select(c => c.Name));
        return [.. result.Rows.Select(row => new Row(
            (string?)row[1], [.. (IEnumerable<string>)row[2]!], (string)row[3]!, (bool)row[4]!, (int?)row[5], (string?)row[6], (string[]?)row[7], (bool)row[8]!))];
    }

    private async Task StartAsync(string name, string role, string more = "")
    {
        var seed = _nodes.Count == 0 ? "" : $"tosec.cluster.seed-nodes = [\"127.0.0.1:{AkkaCluster.Get(_nodes[0].System).SelfAddress.Port}\"]\n";
        var settings = NodeSettingsLoader.Parse(
            name + ".conf",
            $"tosec.node.name = {name}\ntosec.node.role = {role}\ntosec.node.run-directory = \"{_directory.Path}\"\n{seed}{more}{Quick}");
        var testRole = new TestRole();
        var node = new NodeHost(settings, new RoleTable().Add(settings.Role, _ => testRole), Logger.None);
        _nodes.Add(node);
        _roles.Add(testRole);
        await node.StartAsync().WaitAsync(TosecProcess.Patience);
    }

    private sealed record Row(
        string? Name, string[] Roles, string Status, bool IsReachable, int? Host, string? SvmType, string[]? Guests, bool IsSelf);
}
