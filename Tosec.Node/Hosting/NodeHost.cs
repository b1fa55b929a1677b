using System.Diagnostics;
using Akka.Actor;
using Serilog;
using Tosec.Actors.Cluster;
using Tosec.Actors.Commands;
using Tosec.Node.CommandLine;
using Tosec.Node.Configuration;

namespace Tosec.Node.Hosting;

/// <summary>One run of a node: actor system, cluster membership, control socket, and the role. Made once, started once.</summary>
public sealed class NodeHost
{
    // A role that has not started by then is stopped while it starts; better than a node that cannot be stopped.
    private static readonly TimeSpan _startPatience = TimeSpan.FromSeconds(20);

    // Passable, not listable: the sockets in it have permissions of their own.
    internal const UnixFileMode RunDirectoryMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    private readonly NodeSettings _settings;
    private readonly RoleTable _roles;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource<ExitCode> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly DateTimeOffset _started = DateTimeOffset.UtcNow;
    private readonly CommandTree _commands = new();
    private Task _starting = Task.CompletedTask;
    private bool _isEnding;
    private ExitCode _exitCode = ExitCode.Ok;
    private ActorSystem? _system;
    private INodeRole? _role;
    private ControlServer? _control;

    public NodeHost(NodeSettings settings, RoleTable roles, ILogger log)
    {
        _settings = settings;
        _roles = roles;
        _log = log;
    }

    /// <summary>The node's commands; those of the role are there after the start.</summary>
    public CommandTree Commands => _commands;

    /// <summary>The actor system, once started.</summary>
    /// <exception cref="InvalidOperationException">The node was not started.</exception>
    public ActorSystem System => _system ?? throw new InvalidOperationException("the node was not started");

    /// <summary>Completes when the node has ended, with the program's exit code. Never fails.</summary>
    public Task<ExitCode> Ended => _ended.Task;

    /// <summary>
    /// Starts everything and joins the cluster. Returns when the role serves; joining goes on meanwhile. When it fails, everything
    /// that was begun has been ended.
    /// </summary>
    /// <exception cref="NodeStartException">The message says what is missing.</exception>
    /// <exception cref="OperationCanceledException">The node was told to stop meanwhile.</exception>
    public Task StartAsync() => _starting = StartCoreAsync();

    /// <summary>
    /// Leaves the cluster, stops the role, ends the actor system. Any thread; more calls while it stops, or after, wait for the same
    /// end. A start under way is let finish first, so that a role never starts and stops at once.
    /// </summary>
    public async Task StopAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        try
        {
            await _starting.WaitAsync(_startPatience).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whoever started the node has the exception too.
            _log.Debug(e, "the node stops before it has started");
        }

        await EndAsync().ConfigureAwait(false);
    }

    private async Task StartCoreAsync()
    {
        try
        {
            var role = _roles.Create(_settings);
            MakeRunDirectory();
            _system = ActorSystemFactory.Create(_settings, _log);
            var registry = StartCluster(_system);
            AddCommands(registry);
            EndWithSystem(_system);
            _control = ControlServer.Start(_commands, _settings.ControlSocket, _log);
            _stopping.Token.ThrowIfCancellationRequested();
            _role = role;
            await role.StartAsync(new NodeContext
            {
                Settings = _settings,
                System = _system,
                Commands = _commands,
                ClusterRegistry = registry,
                Log = _log,
                Stopping = _stopping.Token,
                Fail = Fail,
            }).ConfigureAwait(false);
#if TOSEC_PETABRIDGE
            Tosec.Petabridge.PetabridgeFrontEnd.Start(_system, _commands);
#endif
            if (registry is not null)
                Join(_system);
            _log.Information("node started: role {Role:l}, control socket {Socket:l}", RoleName, _settings.ControlSocket);
        }
        catch (Exception e)
        {
            _exitCode = e switch
            {
                OperationCanceledException when _stopping.IsCancellationRequested => ExitCode.Ok,
                NodeStartException => ExitCode.Unavailable,
                _ => ExitCode.Internal,
            };
            await EndAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task EndAsync()
    {
        if (Interlocked.Exchange(ref _isEnding, true))
        {
            await _ended.Task.ConfigureAwait(false);
            return;
        }

        if (_system is null)
            _ended.TrySetResult(_exitCode);
        else
            await CoordinatedShutdown.Get(_system).Run(StopReason.Instance).ConfigureAwait(false);
        await _ended.Task.ConfigureAwait(false);
    }

    private string RoleName => _settings.Role.ToString().ToLowerInvariant();

    private void Fail(string reason, Exception? cause)
    {
        _log.Fatal(cause, "the node cannot go on: {Reason:l}", reason);
        _exitCode = ExitCode.Internal;
        _ = Task.Run(StopAsync);
    }

    private void MakeRunDirectory()
    {
        foreach (var directory in new[] { _settings.RunDirectory, Path.GetDirectoryName(_settings.ControlSocket) ?? "/" })
        {
            try
            {
                Directory.CreateDirectory(directory, RunDirectoryMode);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new NodeStartException($"cannot make the directory {directory} (tosec.node.run-directory): {e.Message}", e);
            }
        }
    }

    private IActorRef? StartCluster(ActorSystem system)
    {
        if (!_settings.Cluster.Join)
            return null;
        var guests = _settings.Tovm?.Guests ?? _settings.Svm?.Guests ?? (_settings.Guest is { } guest ? [guest.Guest] : []);
        return ClusterRegistry.Start(
            system,
            new NodeAnnouncement(_settings.Name, RoleName, _settings.HostNumber, _settings.Svm?.Type ?? "", [.. guests]));
    }

    private void Join(ActorSystem system)
    {
        var cluster = Akka.Cluster.Cluster.Get(system);
        var seeds = _settings.Cluster.SeedNodes.Select(seed => ActorSystemFactory.AddressOf(seed, _settings.Cluster)).ToArray();
        _log.Information("cluster address {Address}", cluster.SelfAddress);
        cluster.JoinSeedNodes(seeds.Length > 0 ? seeds : [cluster.SelfAddress]);
    }

    private void AddCommands(IActorRef? registry)
    {
        ClusterCommands.AddTo(_commands, registry);
        PolicyCommands.AddTo(_commands, () => _settings.Policy);
        _commands.Add("node", "show", "This node: name, role, version, run time", _ => CommandResult.Facts(
            ("name", _settings.Name),
            ("role", RoleName),
            ("version", ProgramVersion.Text),
            ("process", Environment.ProcessId),
            ("started", _started),
            ("configuration", Path.GetFullPath(_settings.File)),
            ("run directory", _settings.RunDirectory),
            ("host number", (int)_settings.HostNumber),
            ("attachment", _settings.Attachment.ToString().ToLowerInvariant()),
            ("cluster", _system is not null && registry is not null ? Akka.Cluster.Cluster.Get(_system).SelfAddress.ToString() : "not joined"),
            ("working set [bytes]", Environment.WorkingSet),
            ("managed heap [bytes]", GC.GetTotalMemory(false)),
            ("threads", Process.GetCurrentProcess().Threads.Count)));
    }

    // The actor system may also end for reasons of its own; the role and the control socket end with it, whoever began.
    private void EndWithSystem(ActorSystem system)
    {
        var shutdown = CoordinatedShutdown.Get(system);
        shutdown.AddTask(CoordinatedShutdown.PhaseBeforeServiceUnbind, "tosec-stopping", async () =>
        {
            await _stopping.CancelAsync().ConfigureAwait(false);
            return Akka.Done.Instance;
        });
        shutdown.AddTask(CoordinatedShutdown.PhaseServiceUnbind, "tosec-control", async () =>
        {
            if (_control is not null)
                await _control.DisposeAsync().ConfigureAwait(false);
            return Akka.Done.Instance;
        });
        shutdown.AddTask(CoordinatedShutdown.PhaseServiceStop, "tosec-role", async () =>
        {
            await StopRoleAsync().ConfigureAwait(false);
            return Akka.Done.Instance;
        });
        _ = system.WhenTerminated.ContinueWith(
            _ =>
            {
                var reason = shutdown.ShutdownReason;
                if (reason is not StopReason)
                    _log.Fatal("the actor system has ended by itself: {Reason}", reason?.GetType().Name ?? "unknown");
                _ended.TrySetResult(reason is StopReason ? _exitCode : ExitCode.Internal);
            },
            CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    private async Task StopRoleAsync()
    {
        if (Interlocked.Exchange(ref _role, null) is not { } role)
            return;
        try
        {
            await role.StopAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            _log.Error(e, "stopping the role failed");
            _exitCode = ExitCode.Internal;
        }
    }

    private sealed class StopReason : CoordinatedShutdown.Reason
    {
        public static StopReason Instance { get; } = new();

        public override int ExitCode => 0;
    }
}
