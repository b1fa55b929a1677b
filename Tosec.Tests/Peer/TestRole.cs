using Tosec.Actors.Commands;
using Tosec.Node.Hosting;

namespace Tosec.Tests.Peer;

/// <summary>A role that only remembers what became of it.</summary>
internal sealed class TestRole : INodeRole
{
    private int _starts;
    private int _stops;

    public int Starts => _starts;

    public int Stops => _stops;

    public NodeContext? Context { get; private set; }

    /// <summary>Runs within the start.</summary>
    public Func<NodeContext, Task> OnStart { get; init; } = static _ => Task.CompletedTask;

    /// <summary>Runs within the stop.</summary>
    public Func<Task> OnStop { get; init; } = static () => Task.CompletedTask;

    public async Task StartAsync(NodeContext context)
    {
        Interlocked.Increment(ref _starts);
        Context = context;
        context.Commands.Add("test", "ping", "Answers", _ => CommandResult.FromText("pong"));
        context.Commands.Add("test", "fail", "Ends the node", _ =>
        {
            context.Fail("a test wants it", null);
            return CommandResult.FromText("failing");
        });
        await OnStart(context);
    }

    public async Task StopAsync()
    {
        Interlocked.Increment(ref _stops);
        await OnStop();
    }
}
