namespace Tosec.Node.VirtualMachines;

/// <summary>Names of the files of an image (<c>scripts/vm-image</c>).</summary>
internal static class VmImage
{
    /// <summary>Kernel as an ELF file, which QEMU starts at its PVH entry.</summary>
    public const string Kernel = "vmlinux";

    /// <summary>Kernel as distributions pack it.</summary>
    public const string PackedKernel = "vmlinuz";

    /// <summary>cpio archive that the kernel unpacks and starts <c>/init</c> of.</summary>
    public const string FirstFileSystem = "initrd.cpio";

    /// <summary>Read-only; all VMs share it.</summary>
    public const string RootFileSystem = "root.ext4";
}
