using System.ComponentModel;
using System.Diagnostics;
using Serilog;
using Tosec.Node.Configuration;

namespace Tosec.Node.VirtualMachines;

/// <summary>What executes a VM's code.</summary>
internal enum Accelerator
{
    Kvm,
    Tcg,
}

/// <summary>
/// Finds out whether KVM is of use here, by booting a kernel under it: a <c>/dev/kvm</c> may be there and run nothing. Tried once for
/// as long as the host node runs. Thread safe.
/// </summary>
internal sealed class AcceleratorProbe(HypervisorSettings settings, ILogger log)
{
    // Said by a kernel that has been given no root file system, when everything else of it is up.
    private const string HasBooted = "Unable to mount root fs";

    private readonly Lock _gate = new();
    private Task<Accelerator>? _found;

    /// <param name="kernel">To be booted, if it has to be tried.</param>
    public Task<Accelerator> FindAsync(string kernel)
    {
        if (settings.Accelerator != AcceleratorChoice.Auto)
            return Task.FromResult(settings.Accelerator == AcceleratorChoice.Kvm ? Accelerator.Kvm : Accelerator.Tcg);
        lock (_gate)
            return _found ??= TryAsync(kernel);
    }

    private async Task<Accelerator> TryAsync(string kernel)
    {
        if (!File.Exists("/dev/kvm"))
        {
            log.Information("VMs are emulated (tcg): there is no /dev/kvm");
            return Accelerator.Tcg;
        }

        var start = new ProcessStartInfo(settings.Program)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var argument in (string[])[
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-m", "256M", "-serial", "stdio",
            .. QemuCommandLine.Machine(Accelerator.Kvm, 1), "-kernel", kernel, "-append", "console=ttyS0 panic=-1"])
        {
            start.ArgumentList.Add(argument);
        }

        using var limit = new CancellationTokenSource(settings.ProbeLimit);
        try
        {
            using var qemu = Process.Start(start)!;
            qemu.StandardInput.Close();
            var errors = qemu.StandardError.ReadToEndAsync(CancellationToken.None);
            try
            {
                while (await qemu.StandardOutput.ReadLineAsync(limit.Token).ConfigureAwait(false) is { } line)
                {
                    if (!line.Contains(HasBooted, StringComparison.Ordinal))
                        continue;
                    log.Information("VMs run by kvm: a kernel boots under it");
                    return Accelerator.Kvm;
                }

                log.Warning("VMs are emulated (tcg): QEMU ends under kvm: {Message:l}", LineText.Tail(await errors.ConfigureAwait(false)));
            }
            catch (OperationCanceledException)
            {
                log.Warning("VMs are emulated (tcg): no kernel boots under kvm within {Limit} s", settings.ProbeLimit.TotalSeconds);
            }
            finally
            {
                if (!qemu.HasExited)
                    qemu.Kill();
            }
        }
        catch (Win32Exception failure)
        {
            // Said again, to the operator, by the start that asked.
            log.Warning("VMs are emulated (tcg): {Program:l} does not start: {Message:l}", settings.Program, failure.Message);
        }

        return Accelerator.Tcg;
    }
}
