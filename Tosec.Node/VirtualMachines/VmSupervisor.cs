using System.Net.Sockets;
using Serilog;
using Tosec.Actors.Commands;
using Tosec.Actors.Host;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;
using Tosec.Node.Hosting.Roles;

namespace Tosec.Node.VirtualMachines;

/// <summary>
/// The host node's VMs. Starts them with the devices of the guests they serve, plugs those of guests that come later into VMs that run,
/// and ends them with the host node. Thread safe; starts and stops wait for one another.
/// </summary>
internal sealed class VmSupervisor : IDisposable
{
    private readonly string _runDirectory;
    private readonly HostSettings _site;
    private readonly IReadOnlyList<HostedGuest> _guests;
    private readonly Dictionary<string, VirtualMachine> _vms;
    private readonly AcceleratorProbe _probe;
    private readonly SemaphoreSlim _gate = new(1);
    private bool _isOver;

    /// <exception cref="NodeStartException">
    /// A VM of a host node that has died still runs: its memory is its own, and this host node would serve another.
    /// </exception>
    public VmSupervisor(NodeSettings settings, IReadOnlyList<HostedGuest> guests, ILogger log)
    {
        _runDirectory = settings.RunDirectory;
        _site = settings.Host;
        _guests = guests;
        _vms = settings.Hypervisor.Vms.Values.ToDictionary(
            vm => vm.Name, vm => new VirtualMachine(vm, settings.Hypervisor, settings.RunDirectory, log), StringComparer.Ordinal);
        _probe = new AcceleratorProbe(settings.Hypervisor, log);
        var foreign = _vms.Values.Select(vm => (vm.Settings.Name, Process: vm.ForeignProcess())).Where(vm => vm.Process is not null).ToArray();
        if (foreign.Length > 0)
        {
            throw new NodeStartException(
                $"VMs of an earlier host node still run, on memory that this one cannot serve ({string.Join(", ", foreign.Select(vm => vm.Name))}); "
                + $"end them first: kill {string.Join(' ', foreign.Select(vm => vm.Process))}");
        }
    }

    public IReadOnlyList<VmReport> List() => [.. _vms.Values.Select(vm => vm.Report())];

    /// <summary>Starts a VM; a guest's memory is then also given to the trusted VMs that run and serve it.</summary>
    /// <exception cref="CommandException">There is no such VM, or it does not start.</exception>
    public async Task<VmReport> StartAsync(string name)
    {
        var vm = Find(name);
        var accelerator = await _probe.FindAsync(vm.Settings.Kernel).ConfigureAwait(false);
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            if (_isOver)
                throw new CommandException("the host node stops");
            var served = Served(vm.Settings).ToLookup(IsThere, guest => Devices(vm.Settings, guest));
            await vm.StartAsync(accelerator, [.. served[true].SelectMany(d => d)], [.. served[false].SelectMany(d => d)]).ConfigureAwait(false);
            if (vm.Settings.Role == NodeRole.Guest)
                await PlugAsync(_guests.First(g => g.Identity.Name == name)).ConfigureAwait(false);
            return vm.Report();
        }
        finally
        {
            _gate.Release();
        }

        // A guest's own VM has its own memory; others have that of guests whose VMs run, and of those that are processes.
        bool IsThere(HostedGuest guest) =>
            guest.Identity.Name == name || !_vms.TryGetValue(guest.Identity.Name, out var machine) || machine.IsUp;
    }

    /// <summary>Ends a VM.</summary>
    /// <returns>Whether it ended by itself, and was not killed.</returns>
    /// <exception cref="CommandException">There is no such VM, or it does not run.</exception>
    public async Task<bool> StopAsync(string name)
    {
        var vm = Find(name);
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            return vm.IsUp ? await vm.StopAsync().ConfigureAwait(false) : throw new CommandException($"{name} does not run");
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Ends all, and starts no more.</summary>
    public async Task StopAllAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            _isOver = true;
            await Task.WhenAll(_vms.Values.Select(vm => vm.StopAsync())).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    public void Dispose() => _gate.Dispose();

    private async Task PlugAsync(HostedGuest guest)
    {
        var failures = new List<string>();
        foreach (var vm in _vms.Values.Where(vm => vm.IsUp && vm.Settings.Role != NodeRole.Guest && Served(vm.Settings).Contains(guest)))
        {
            try
            {
                await vm.PlugAsync(Devices(vm.Settings, guest)).ConfigureAwait(false);
            }
            catch (Exception e) when (e is QmpException or SocketException)
            {
                failures.Add($"{vm.Settings.Name}: {e.Message}");
            }
        }

        if (failures.Count > 0)
            throw new CommandException($"{guest.Identity.Name} runs, but not all that serve it could be given its memory: {string.Join("; ", failures)}");
    }

    private IEnumerable<HostedGuest> Served(VmSettings vm) => _guests.Where(guest => vm.Role switch
    {
        NodeRole.Guest => guest.Identity.Name == vm.Name,
        NodeRole.Svm => _site.Guests[guest.Identity.Name].Svms.Contains(vm.Name),
        _ => true,
    });

    private IReadOnlyList<GuestDevice> Devices(VmSettings vm, HostedGuest guest) => vm.Role switch
    {
        NodeRole.Guest => GuestDevice.OfGuest(_runDirectory, guest, GuestPlans.GuestParty),
        NodeRole.Svm => GuestDevice.OfTrusted(_runDirectory, guest, vm.Name),
        _ => GuestDevice.OfTrusted(_runDirectory, guest, GuestPlans.TovmParty),
    };

    private VirtualMachine Find(string name) => _vms.TryGetValue(name, out var vm)
        ? vm
        : throw new CommandException(_vms.Count == 0 ? "this host node has no VMs (tosec.host.vms)" : $"there is no VM {name}; VMs: {string.Join(", ", _vms.Keys)}");
}
