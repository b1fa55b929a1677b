using System.Globalization;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>
/// An ivshmem device as sysfs shows it (Linux Documentation/PCI/sysfs-pci.rst). Its memory and registers are mapped through sysfs, so that
/// descriptors of them can be handed on that allow nothing else; VFIO gives its interrupts.
/// </summary>
/// <param name="sysfs">Where sysfs is mounted.</param>
/// <param name="address">As sysfs writes it: <c>0000:00:10.0</c>.</param>
internal sealed class PciDevice(string sysfs, string address)
{
    private const string Driver = "vfio-pci";
    private const string Vendor = "0x1af4";
    private const string Device = "0x1110";

    private readonly string _path = Path.Combine(sysfs, "bus/pci/devices", address);

    public string Address { get; } = address;

    /// <summary>Whether it has interrupts, and so a place on a link: without, it is memory only (<c>ivshmem-plain</c>).</summary>
    public bool HasDoorbell => File.Exists(Path.Combine(_path, "resource1"));

    /// <summary>All that are there now, in no order that means anything.</summary>
    public static IReadOnlyList<PciDevice> Scan(string sysfs)
    {
        var devices = Path.Combine(sysfs, "bus/pci/devices");
        return !Directory.Exists(devices)
            ? []
            : [.. Directory.EnumerateFileSystemEntries(devices)
                .Where(path => Read(path, "vendor") == Vendor && Read(path, "device") == Device)
                .Select(path => new PciDevice(sysfs, Path.GetFileName(path)))];
    }

    /// <summary>The shared memory.</summary>
    /// <exception cref="NativeFailure">The device is gone, or this user may not.</exception>
    public MemoryDescriptor OpenMemory(bool writable) => OpenResource(2, writable);

    /// <summary>The page that the registers are on.</summary>
    /// <exception cref="NativeFailure">As <see cref="OpenMemory"/>.</exception>
    /// <exception cref="IOException">The registers share a page with something else.</exception>
    public MemoryDescriptor OpenRegisters()
    {
        // Firmware and Linux give each device whole pages; whoever maps the page must reach nobody else's registers.
        var first = Read(_path, "resource").Split(' ', 2)[0];
        if (!ulong.TryParse(first.AsSpan(first.StartsWith("0x", StringComparison.Ordinal) ? 2 : 0), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var start)
            || start % IvshmemRegisters.MappedBytes != 0)
            throw new IOException($"the registers of PCI device {Address} lie at {first}, not at the beginning of a page");
        return OpenResource(0, writable: true);
    }

    /// <summary>Makes it answer to reads of its memory, which it does not before anybody has asked for it.</summary>
    public void Enable()
    {
        if (Read(_path, "enable") != "0" || Directory.Exists(Path.Combine(_path, "driver")))
            return;
        Write("enable", "1");
    }

    /// <summary>Takes it for its interrupts. The caller disposes.</summary>
    /// <exception cref="NativeFailure">EBUSY: somebody has it.</exception>
    /// <exception cref="IOException">There is no IOMMU, or no vfio-pci.</exception>
    public VfioDevice OpenInterrupts()
    {
        if (LinkName("iommu_group") is not { } group)
        {
            throw new IOException($"PCI device {Address} is behind no IOMMU, without which VFIO opens nothing: give the VM one "
                + "(QEMU: -device intel-iommu,intremap=on) and have its kernel use it (intel_iommu=on)");
        }

        Bind();
        return VfioDevice.Open(Address, group);
    }

    private void Bind()
    {
        switch (LinkName("driver"))
        {
            case Driver:
                return;
            case { } other:
                throw new IOException($"PCI device {Address} is taken by the driver {other}; it should be {Driver}'s");
        }

        if (!Directory.Exists(Path.Combine(sysfs, "bus/pci/drivers", Driver)))
            throw new IOException($"the driver {Driver} is not loaded in this VM: modprobe {Driver} vfio_iommu_type1");
        Write("driver_override", Driver);
        File.WriteAllText(Path.Combine(sysfs, "bus/pci/drivers_probe"), Address);
        if (LinkName("driver") != Driver)
            throw new IOException($"the driver {Driver} does not take PCI device {Address}");
    }

    private MemoryDescriptor OpenResource(int number, bool writable) =>
        MemoryDescriptor.OpenFile(Path.Combine(_path, "resource" + number.ToString(CultureInfo.InvariantCulture)), writable);

    private string? LinkName(string name)
    {
        var link = new FileInfo(Path.Combine(_path, name)).LinkTarget;
        return link is null ? null : Path.GetFileName(link);
    }

    private void Write(string name, string text)
    {
        try
        {
            File.WriteAllText(Path.Combine(_path, name), text);
        }
        catch (UnauthorizedAccessException failure)
        {
            throw new IOException($"attaching through PCI takes root: {failure.Message}", failure);
        }
    }

    // A device may be unplugged while we look.
    private static string Read(string path, string name)
    {
        try
        {
            return File.ReadAllText(Path.Combine(path, name)).Trim();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
