using Akka.Actor;
using Tosec.Actors.Vms;

namespace Tosec.Node.Hosting.Roles;

/// <summary>What the roles have in common: one VM actor, its listings, and an end that waits for it.</summary>
internal abstract class VmRole : INodeRole
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(8);

    private IActorRef? _vm;
    private volatile bool _stopping;

    public Task StartAsync(NodeContext context)
    {
        _vm = StartVm(context);
        AddCommands(context, _vm);
        FailWith(_vm, context);
        return Task.CompletedTask;
    }

    public async Task StopAsync()
    {
        _stopping = true;
        await StopFirstAsync().ConfigureAwait(false);
        if (_vm is not null)
            await _vm.GracefulStop(_patience, new VmProtocol.Stop()).ConfigureAwait(false);
        await ReleaseAsync().ConfigureAwait(false);
    }

    // A node whose VM actor has given up serves nobody; the operator is told by its end.
    private void FailWith(IActorRef vm, NodeContext context) => _ = vm.WatchAsync().ContinueWith(
        _ =>
        {
            if (!_stopping && !context.Stopping.IsCancellationRequested)
                context.Fail("its VM actor has stopped", null);
        },
        TaskScheduler.Default);

    protected abstract IActorRef StartVm(NodeContext context);

    protected abstract void AddCommands(NodeContext context, IActorRef vm);

    /// <summary>Before the VM actor stops: ends what uses what it owns.</summary>
    protected virtual Task StopFirstAsync() => Task.CompletedTask;

    /// <summary>After the VM actor has stopped: lets go of what it used.</summary>
    protected virtual ValueTask ReleaseAsync() => ValueTask.CompletedTask;
}
