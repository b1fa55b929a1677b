using System.Globalization;
using Tosec.Node.Configuration;

namespace Tosec.Node.VirtualMachines;

/// <summary>Makes QEMU's arguments of a VM's settings. Which devices a VM has is decided here and in <see cref="GuestDevice"/>, nowhere else.</summary>
internal static class QemuCommandLine
{
    // Timers are not checked because Linux, at times, does not see them tick when its host is busy, and gives up.
    private const string KernelParameters = "console=ttyS0 panic=-1 quiet intel_iommu=on no_timer_check";

    private const int FunctionsOfDevice = 8;
    private const int FirstPortDevice = 8;
    private const long LeastBridgeWindow = 2 << 20;

    /// <param name="vm">The VM.</param>
    /// <param name="accelerator">What executes its code.</param>
    /// <param name="directory">Where its sockets and files lie.</param>
    /// <param name="present">Devices it is started with.</param>
    /// <param name="later">Devices that may be plugged in while it runs; a place is kept for each.</param>
    public static IReadOnlyList<string> Of(
        VmSettings vm, Accelerator accelerator, VmRunDirectory directory, IReadOnlyList<GuestDevice> present, IReadOnlyList<GuestDevice> later)
    {
        if (vm.Role == NodeRole.Guest && (vm.Nics.Count > 0 || later.Count > 0))
            throw new ArgumentException("a guest has no network card, and is given all its devices at the start", nameof(vm));
        List<string> arguments =
        [
            "-name", Escape(vm.Name),
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
            "-pidfile", directory.ProcessFile,
            "-chardev", $"socket,id=serial,path={Escape(directory.Console)}",
            "-serial", "chardev:serial",
            "-qmp", $"unix:{Escape(directory.Control)},server=on,wait=off",
            "-m", $"{vm.MemoryBytes >> 20}M",
            .. Machine(accelerator, vm.Processors),
            // Without an IOMMU, VFIO does not open a device, and the node inside is given none.
            "-device", "intel-iommu,intremap=on",
            "-kernel", vm.Kernel,
            "-initrd", directory.FirstFileSystem,
            "-append", KernelParameters,
            // All VMs read the same file; nobody writes it.
            "-drive", $"file={Escape(Path.Combine(vm.Image, VmImage.RootFileSystem))},format=raw,if=none,id=root,readonly=on,file.locking=off",
            "-device", "virtio-blk-pci,drive=root",
        ];
        foreach (var nic in vm.Nics)
        {
            arguments.AddRange(["-netdev", $"tap,id=net-{nic.Name},ifname={nic.Tap},script=no,downscript=no"]);
            arguments.AddRange(["-device", $"virtio-net-pci,netdev=net-{nic.Name},mac={nic.Mac},romfile="]);
        }

        var port = 0;
        foreach (var device in present.Concat(later))
        {
            // A bridge of its own for each device of a trusted VM: the firmware keeps room in the address space for what comes later,
            // which it does not do on the first bus.
            var isLater = later.Contains(device);
            if (vm.Role != NodeRole.Guest)
                arguments.AddRange(["-device", RootPort(device, port++, isLater)]);
            if (!isLater)
                arguments.AddRange(Plugged(device, vm.Role == NodeRole.Guest ? null : PortOf(device)));
        }

        return arguments;
    }

    /// <summary>Arguments for machine, accelerator and processors.</summary>
    public static IReadOnlyList<string> Machine(Accelerator accelerator, int processors) => accelerator == Accelerator.Kvm
        ? ["-machine", "q35,kernel-irqchip=split", "-accel", "kvm", "-cpu", "host", "-smp", Text(processors)]
        // With one possible processor, QEMU emulates atomic instructions by plain ones, and drops fences: nothing that shares memory
        // with another process works then.
        : ["-machine", "q35", "-accel", "tcg,thread=multi", "-cpu", "max", "-smp", $"{processors},maxcpus={Math.Max(processors, 2)}"];

    /// <summary>The bridge that a device of a trusted VM is behind.</summary>
    public static string PortOf(GuestDevice device) => "port-" + device.Id;

    private static IReadOnlyList<string> Plugged(GuestDevice device, string? bus)
    {
        var place = bus is null ? "" : ",bus=" + bus;
        return device.Vectors > 0
            ? ["-chardev", $"socket,id={device.Id},path={Escape(device.Path)}",
                "-device", $"ivshmem-doorbell,id={device.Id},chardev={device.Id},vectors={device.Vectors}{place}"]
            : ["-object", $"memory-backend-file,id={device.Id},mem-path={Escape(device.Path)},size={device.Bytes},share=on,readonly=on",
                "-device", $"ivshmem-plain,id={device.Id},memdev={device.Id}{place}"];
    }

    // Ports share devices of the first bus, eight to one; no window for I/O ports, of which there are too few for more than sixteen.
    // The firmware puts an empty window anywhere: one of twice the length holds the device at a multiple of its own.
    private static string RootPort(GuestDevice device, int number, bool isEmpty) =>
        $"pcie-root-port,id={PortOf(device)},bus=pcie.0,chassis={number + 1},slot={number + 1},"
        + $"addr=0x{FirstPortDevice + number / FunctionsOfDevice:x}.0x{number % FunctionsOfDevice:x},multifunction=on,"
        + "io-reserve=0" + (isEmpty ? $",pref64-reserve={Math.Max(2 * device.Bytes, LeastBridgeWindow)}" : "");

    // A comma ends a value of QEMU's, two are one.
    private static string Escape(string text) => text.Replace(",", ",,", StringComparison.Ordinal);

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
