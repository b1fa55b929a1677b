using Akka.Actor;
using Serilog.Core;
using Tosec.Node.CommandLine;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Node.Hosting;

public sealed class NodeHostTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_node_serves_its_roles_commands_and_ends_with_everything()
    {
        var role = new TestRole();
        var host = Make(role);
        await host.StartAsync().WaitAsync(TosecProcess.Patience);
        var socket = _directory["n1.ctl"];
        Assert.Equal("pong", (await ControlClient.CallAsync(socket, ["test", "ping"])).Text);
        var facts = (await ControlClient.CallAsync(socket, ["node", "show"])).Rows.ToDictionary(row => (string)row[0]!, row => row[1]);
        Assert.Equal(("n1", "host", "not joined", 0L), (facts["name"], facts["role"], facts["cluster"], facts["host number"]));
        Assert.Contains("joins no cluster", (await ControlClient.CallAsync(socket, ["cluster", "show"])).Error, StringComparison.Ordinal);
        Assert.True((await ControlClient.CallAsync(socket, ["policy", "show"])).IsTable);

        await Task.WhenAll(host.StopAsync(), host.StopAsync(), host.StopAsync()).WaitAsync(TosecProcess.Patience);
        await host.StopAsync().WaitAsync(TosecProcess.Patience);
        Assert.Equal((ExitCode.Ok, 1, 1), (await host.Ended, role.Starts, role.Stops));
        Assert.True(host.System.WhenTerminated.IsCompleted);
        Assert.True(role.Context!.Stopping.IsCancellationRequested);
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public async Task A_role_that_is_not_built_in_is_named()
    {
        var host = new NodeHost(Settings(), new RoleTable(), Logger.None);
        var e = await Assert.ThrowsAsync<NodeStartException>(host.StartAsync);
        Assert.Equal("this program has no role host built in", e.Message);
        Assert.Equal(ExitCode.Unavailable, await host.Ended.WaitAsync(TosecProcess.Patience));
    }

    [Fact]
    public async Task A_start_that_fails_leaves_nothing()
    {
        var role = new TestRole { OnStart = _ => throw new NodeStartException("no memory") };
        var host = Make(role);
        Assert.Equal("no memory", (await Assert.ThrowsAsync<NodeStartException>(host.StartAsync)).Message);
        Assert.Equal((ExitCode.Unavailable, 1), (await host.Ended, role.Stops));
        Assert.True(host.System.WhenTerminated.IsCompleted);
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));

        var broken = Make(new TestRole { OnStart = _ => throw new InvalidOperationException("a mistake") });
        await Assert.ThrowsAsync<InvalidOperationException>(broken.StartAsync);
        Assert.Equal(ExitCode.Internal, await broken.Ended);
    }

    [Fact]
    public async Task Two_nodes_cannot_have_one_control_socket()
    {
        var first = Make(new TestRole());
        await first.StartAsync();
        var second = Make(new TestRole());
        Assert.Contains("another node listens on", (await Assert.ThrowsAsync<NodeStartException>(second.StartAsync)).Message, StringComparison.Ordinal);
        Assert.Equal("pong", (await ControlClient.CallAsync(_directory["n1.ctl"], ["test", "ping"])).Text);
        await first.StopAsync();
    }

    [Fact]
    public async Task A_stop_during_the_start_waits_for_it_and_then_stops()
    {
        var isStarting = new TaskCompletionSource();
        var mayStart = new TaskCompletionSource();
        var role = new TestRole
        {
            OnStart = async _ =>
            {
                isStarting.SetResult();
                await mayStart.Task;
            },
        };
        var host = Make(role);
        var starting = host.StartAsync();
        await (await Task.WhenAny(isStarting.Task, starting)).WaitAsync(TosecProcess.Patience);
        var stopping = host.StopAsync();
        Assert.True(role.Context!.Stopping.IsCancellationRequested);
        Assert.Equal(0, role.Stops);
        mayStart.SetResult();
        await Task.WhenAll(starting, stopping).WaitAsync(TosecProcess.Patience);
        Assert.Equal((ExitCode.Ok, 1), (await host.Ended, role.Stops));
    }

    [Fact]
    public async Task A_role_that_cannot_go_on_ends_the_node_with_a_code()
    {
        var role = new TestRole();
        var host = Make(role);
        await host.StartAsync();
        role.Context!.Fail("the host is gone", null);
        Assert.Equal((ExitCode.Internal, 1), (await host.Ended.WaitAsync(TosecProcess.Patience), role.Stops));
    }

    [Fact]
    public async Task An_actor_system_that_ends_by_itself_ends_the_node_with_a_code()
    {
        var role = new TestRole();
        var host = Make(role);
        await host.StartAsync();
        await host.System.Terminate().WaitAsync(TosecProcess.Patience);
        Assert.Equal((ExitCode.Internal, 1), (await host.Ended.WaitAsync(TosecProcess.Patience), role.Stops));
    }

    [Fact]
    public async Task A_role_whose_stop_fails_does_not_keep_the_node()
    {
        var host = Make(new TestRole { OnStop = () => throw new InvalidOperationException("stuck") });
        await host.StartAsync();
        await host.StopAsync().WaitAsync(TosecProcess.Patience);
        Assert.Equal(ExitCode.Internal, await host.Ended);
    }

    private NodeHost Make(TestRole role) => new(Settings(), new RoleTable().Add(NodeRole.Host, _ => role), Logger.None);

    private NodeSettings Settings() => NodeSettingsLoader.Parse("n.conf", $$"""
        tosec {
          node {
            name = n1
            role = host
            run-directory = "{{_directory.Path}}"
          }
          cluster.join = off
        }
        """);
}
