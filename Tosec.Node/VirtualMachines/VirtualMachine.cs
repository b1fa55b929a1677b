using System.Diagnostics;
using System.Net.Sockets;
using Serilog;
using Tosec.Actors.Commands;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;

namespace Tosec.Node.VirtualMachines;

/// <summary>
/// One VM: at most one QEMU process at a time. Starting, stopping and plugging are for one caller at a time; reports for any thread.
/// </summary>
internal sealed class VirtualMachine
{
    // As a shell reports the end of a process by a signal.
    private const int SignalExit = 128;

    private static readonly TimeSpan _startPatience = TimeSpan.FromSeconds(25);
    private static readonly TimeSpan _answerPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(20);

    private readonly HypervisorSettings _hypervisor;
    private readonly VmRunDirectory _directory;
    private readonly ILogger _log;
    private readonly HashSet<string> _plugged = new(StringComparer.Ordinal);
    private volatile Run? _run;
    private volatile string _message = "";
    private volatile VmState _state;

    public VirtualMachine(VmSettings settings, HypervisorSettings hypervisor, string runDirectory, ILogger log)
    {
        Settings = settings;
        _hypervisor = hypervisor;
        _directory = new VmRunDirectory(runDirectory, settings.Name);
        _log = log;
    }

    public VmSettings Settings { get; }

    /// <summary>Whether there is a process.</summary>
    public bool IsUp => _run is not null;

    public VmReport Report()
    {
        var run = _run;
        var state = _state == VmState.Running && run is { Console.IsReady: true } ? VmState.Ready : _state;
        return new VmReport(
            Settings.Name, Settings.Role.ToString().ToLowerInvariant(), run?.Qemu.Id, state, run?.Accelerator.ToString().ToLowerInvariant(),
            run is null ? null : Stopwatch.GetElapsedTime(run.Since), _directory.ConsoleLog, _message);
    }

    /// <summary>Starts QEMU; returns when all its devices are there, which says nothing yet of the node inside.</summary>
    /// <param name="accelerator">What is to execute the VM's code.</param>
    /// <param name="present">Devices it is started with.</param>
    /// <param name="later">Devices that may be plugged in.</param>
    /// <exception cref="CommandException">It runs already, or does not start; the message has QEMU's own.</exception>
    public async Task StartAsync(Accelerator accelerator, IReadOnlyList<GuestDevice> present, IReadOnlyList<GuestDevice> later)
    {
        if (_run is { } running)
            throw new CommandException($"{Settings.Name} runs already (process {running.Qemu.Id})");
        VmConsole? console = null;
        Run run;
        try
        {
            _directory.Prepare();
            await VmOverlay.WriteAsync(Settings, _directory).ConfigureAwait(false);
            console = VmConsole.Start(_directory.Console, _directory.ConsoleLog, _log);
            var qemu = QemuProcess.Start(_hypervisor.Program, QemuCommandLine.Of(Settings, accelerator, _directory, present, later));
            run = new Run(qemu, console, accelerator, Stopwatch.GetTimestamp());
            _message = "";
            _state = VmState.Starting;
            _run = run;
            run.Over = WatchAsync(run);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NodeStartException)
        {
            if (console is not null)
                await console.DisposeAsync().ConfigureAwait(false);
            _directory.CleanUp();
            throw new CommandException($"{Settings.Name} does not start: {e.Message}");
        }

        await AwaitQemuAsync(run).ConfigureAwait(false);
        _plugged.Clear();
        _plugged.UnionWith(present.Select(d => d.Id));
        _log.Information("VM {Name:l} runs as process {Process} by {Accelerator:l}", Settings.Name, run.Qemu.Id, accelerator.ToString().ToLowerInvariant());
    }

    /// <summary>Presses the VM's power button, kills it if it does not end, and waits for its end.</summary>
    /// <returns>Whether it ended by itself; also when it did not run.</returns>
    public async Task<bool> StopAsync()
    {
        if (_run is not { } run)
            return true;
        run.IsStopping = true;
        _state = VmState.Stopping;
        if (await PressPowerButtonAsync().ConfigureAwait(false))
            await Task.WhenAny(run.Over, Task.Delay(_hypervisor.StopLimit)).ConfigureAwait(false);
        var isInOrder = run.Over.IsCompleted;
        if (!isInOrder)
        {
            _log.Warning("VM {Name:l} does not end within {Limit} s and is killed", Settings.Name, _hypervisor.StopLimit.TotalSeconds);
            run.Qemu.Kill();
        }

        await run.Over.ConfigureAwait(false);
        return isInOrder;
    }

    /// <summary>Gives the running VM devices that it does not have yet, by hot-plug.</summary>
    /// <exception cref="QmpException">QEMU refuses.</exception>
    /// <exception cref="SocketException">QEMU is gone.</exception>
    public async Task PlugAsync(IReadOnlyList<GuestDevice> devices)
    {
        using var qmp = await QmpClient.ConnectAsync(_directory.Control, _answerPatience).ConfigureAwait(false);
        foreach (var device in devices.Where(d => !_plugged.Contains(d.Id)))
        {
            await HotPlug.AddAsync(qmp, device).ConfigureAwait(false);
            _plugged.Add(device.Id);
        }
    }

    /// <summary>The process id of a QEMU that runs this VM and is not ours; null: there is none.</summary>
    public string? ForeignProcess() => _directory.ForeignProcess();

    private async Task<bool> PressPowerButtonAsync()
    {
        try
        {
            using var qmp = await QmpClient.ConnectAsync(_directory.Control, _answerPatience).ConfigureAwait(false);
            await qmp.ExecuteAsync("system_powerdown").ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is QmpException or SocketException)
        {
            _log.Warning("VM {Name:l} cannot be asked to end: {Message:l}", Settings.Name, e.Message);
            return false;
        }
    }

    private async Task AwaitQemuAsync(Run run)
    {
        var since = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var qmp = await QmpClient.ConnectAsync(_directory.Control, _answerPatience).ConfigureAwait(false);
                if (!run.IsStopping && !run.Qemu.Ended.IsCompleted)
                    _state = VmState.Running;
                return;
            }
            catch (SocketException) when (!run.Qemu.Ended.IsCompleted && Stopwatch.GetElapsedTime(since) < _startPatience)
            {
                // Not there yet.
                await Task.WhenAny(run.Qemu.Ended, Task.Delay(_look)).ConfigureAwait(false);
            }
            catch (Exception e) when (e is SocketException or QmpException)
            {
                run.IsStopping = true;
                run.Qemu.Kill();
                await run.Over.ConfigureAwait(false);
                _state = VmState.Failed;
                _message = run.Qemu.Message;
                throw new CommandException($"{Settings.Name} does not start: {_message}");
            }
        }
    }

    private async Task WatchAsync(Run run)
    {
        var code = await run.Qemu.Ended.ConfigureAwait(false);
        await run.Console.DisposeAsync().ConfigureAwait(false);
        _directory.CleanUp();
        if (!run.IsStopping)
        {
            _message = code == 0 ? "powered off by itself" : code > SignalExit ? $"ended by signal {code - SignalExit}" : run.Qemu.Message;
            _log.Warning(
                "VM {Name:l} has ended with exit code {Code}: {Message:l}; its serial port: {Log:l}", Settings.Name, code, _message,
                _directory.ConsoleLog);
        }
        else
        {
            _log.Information("VM {Name:l} has ended", Settings.Name);
        }

        _state = run.IsStopping || code == 0 ? VmState.Stopped : VmState.Failed;
        run.Qemu.Dispose();
        _run = null;
    }

    /// <summary>One life of the VM.</summary>
    private sealed class Run(QemuProcess qemu, VmConsole console, Accelerator accelerator, long since)
    {
        private volatile bool _isStopping;

        public QemuProcess Qemu { get; } = qemu;

        public VmConsole Console { get; } = console;

        public Accelerator Accelerator { get; } = accelerator;

        public long Since { get; } = since;

        /// <summary>Its end is meant.</summary>
        public bool IsStopping
        {
            get => _isStopping;
            set => _isStopping = value;
        }

        /// <summary>Completes when everything of it is gone.</summary>
        public Task Over { get; set; } = Task.CompletedTask;
    }
}
