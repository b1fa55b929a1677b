using System.Net;

namespace Tosec.Node.Configuration;

/// <summary>What executes a VM's code.</summary>
public enum AcceleratorChoice
{
    /// <summary>KVM if a kernel boots under it, else emulation.</summary>
    Auto,
    Kvm,
    Tcg,
}

/// <summary>The VMs that a host node runs, and by what.</summary>
/// <param name="Program">QEMU, by name or path.</param>
/// <param name="Accelerator">What executes the VMs' code.</param>
/// <param name="ProbeLimit">Longest boot under KVM that counts as one.</param>
/// <param name="StopLimit">Longest time between asking a VM to end and killing it.</param>
/// <param name="Vms">By name; empty: none.</param>
public sealed record HypervisorSettings(
    string Program, AcceleratorChoice Accelerator, TimeSpan ProbeLimit, TimeSpan StopLimit, IReadOnlyDictionary<string, VmSettings> Vms);

/// <summary>One VM. Paths are absolute.</summary>
public sealed record VmSettings
{
    public required string Name { get; init; }

    /// <summary>Role of the node inside; never <see cref="NodeRole.Host"/>.</summary>
    public required NodeRole Role { get; init; }

    /// <summary>Directory of the image.</summary>
    public required string Image { get; init; }

    public required string Kernel { get; init; }

    /// <summary>The file of the node inside, and what it includes.</summary>
    public required VmNodeFile Node { get; init; }

    /// <summary>More files for <c>/etc/tosec</c>.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Runs in the VM once its node is ready; null: nothing does.</summary>
    public required string? Start { get; init; }

    public required long MemoryBytes { get; init; }

    public required int Processors { get; init; }

    /// <summary>Empty for a guest, always.</summary>
    public required IReadOnlyList<NicSettings> Nics { get; init; }
}

/// <summary>A network card of a VM.</summary>
/// <param name="Name">What the configuration calls it.</param>
/// <param name="Tap">The host's tap interface behind it.</param>
/// <param name="Mac">Six bytes in hexadecimal with colons.</param>
/// <param name="Addresses">What the VM gives itself on it.</param>
/// <param name="Gateway">Where the rest of the world is; null: nowhere.</param>
public sealed record NicSettings(string Name, string Tap, string Mac, IReadOnlyList<InterfaceAddress> Addresses, IPAddress? Gateway);

/// <summary>An address and the length of its network's prefix.</summary>
public sealed record InterfaceAddress(IPAddress Address, int PrefixLength)
{
    public override string ToString() => $"{Address}/{PrefixLength}";
}
