using Akka.Actor;
using Akka.Event;
using Serilog;
using Serilog.Core;
using Serilog.Events;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;
using Tosec.Tests.Peer;
using AkkaCluster = Akka.Cluster.Cluster;
using LogEvent = Serilog.Events.LogEvent;

namespace Tosec.Tests.Node.Hosting;

public class ActorSystemFactoryTests
{
    private const string Node = "tosec.node.name = n1\ntosec.node.role = svm\ntosec.svm.type = waf\ntosec.svm.guests = [a]\n";

    [Fact]
    public async Task Ours_wins_over_the_users_and_the_users_over_the_reference_files()
    {
        var system = Create(Node + """
            akka {
              actor.provider = local
              actor.serialization-settings.allow-unregistered-types = on
              cluster.run-coordinated-shutdown-when-down = on
              cluster.failure-detector.heartbeat-interval = 700ms
            }
            """);
        var cluster = AkkaCluster.Get(system).Settings;
        Assert.False(cluster.RunCoordinatedShutdownWhenDown);
        Assert.Equal(["svm"], cluster.Roles);
        Assert.False(system.Settings.Config.GetBoolean("akka.actor.serialization-settings.allow-unregistered-types", true));
        var detector = cluster.FailureDetectorConfig;
        Assert.Equal(TimeSpan.FromMilliseconds(700), detector.GetTimeSpan("heartbeat-interval", null));
        Assert.Equal(TimeSpan.FromSeconds(4), detector.GetTimeSpan("acceptable-heartbeat-pause", null));
        Assert.Equal("keep-majority", system.Settings.Config.GetString("akka.cluster.split-brain-resolver.active-strategy", null));
        Assert.Equal("akka.actor.internal-dispatcher", cluster.UseDispatcher);
        await system.Terminate().WaitAsync(TosecProcess.Patience);
    }

    [Fact]
    public async Task Actors_log_through_Serilog_with_their_braces_as_they_are()
    {
        var said = new TaskCompletionSource<LogEvent>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var log = new LoggerConfiguration().WriteTo.Sink(new Sink(e =>
        {
            if (e.RenderMessage().Contains("{braces}", StringComparison.Ordinal))
                said.TrySetResult(e);
        })).CreateLogger();
        var system = Create(Node + "tosec.cluster.join = off\n", log);
        system.Log.Warning("from {Who}: {What}", "me", "{braces}");
        var logged = await said.Task.WaitAsync(TosecProcess.Patience);
        Assert.Equal(LogEventLevel.Warning, logged.Level);
        Assert.Contains("from me: {braces}", logged.RenderMessage(), StringComparison.Ordinal);
        await system.Terminate().WaitAsync(TosecProcess.Patience);
    }

    [Fact]
    public async Task A_port_that_is_taken_is_said()
    {
        var first = Create(Node);
        var port = AkkaCluster.Get(first).SelfAddress.Port;
        var e = Assert.Throws<NodeStartException>(() => Create(Node + $"tosec.cluster.port = {port}\n"));
        Assert.StartsWith("the actor system does not start: ", e.Message, StringComparison.Ordinal);
        await first.Terminate().WaitAsync(TosecProcess.Patience);
    }

    private static ActorSystem Create(string text, ILogger? log = null) =>
        ActorSystemFactory.Create(NodeSettingsLoader.Parse("n.conf", text), log ?? Logger.None);

    private sealed class Sink(Action<LogEvent> onEvent) : ILogEventSink
    {
        public void Emit(LogEvent logEvent) => onEvent(logEvent);
    }
}
