using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tosec.Transport.Shm.Interop;

/// <summary>
/// A PCI device opened through VFIO (Linux Documentation/driver-api/vfio.rst) for its interrupts: MSI-X vectors become eventfds. Nobody
/// else can open it meanwhile. No memory is mapped for its DMA, so it reaches none of ours.
/// </summary>
internal sealed unsafe class VfioDevice : IDisposable
{
    private const uint Type1v2Iommu = 3;
    private const uint GroupIsViable = 1;
    private const uint MsixIndex = 2;
    private const uint ConfigurationRegion = 7;
    private const uint EventDescriptors = 1 << 2;
    private const uint ActionTrigger = 1 << 5;
    private const int CommandRegister = 4;
    private const ushort MemoryAndMaster = 6;
    private const int InterruptHeader = 20;

    private readonly VfioDescriptor _container;
    private readonly VfioDescriptor _group;
    private readonly VfioDescriptor _device;

    private VfioDevice(VfioDescriptor container, VfioDescriptor group, VfioDescriptor device)
    {
        _container = container;
        _group = group;
        _device = device;
    }

    /// <param name="address">As sysfs writes it: <c>0000:00:10.0</c>. The device is bound to vfio-pci.</param>
    /// <param name="group">Number of its IOMMU group.</param>
    /// <exception cref="NativeFailure">EBUSY: it is in use. ENOENT: vfio is not loaded.</exception>
    public static VfioDevice Open(string address, string group)
    {
        var container = VfioDescriptor.Open("/dev/vfio/vfio");
        VfioDescriptor? opened = null;
        try
        {
            opened = VfioDescriptor.Open("/dev/vfio/" + group);
            var status = stackalloc uint[2] { 8, 0 };
            opened.Control(VfioCall.GroupGetStatus, (nint)status);
            if ((status[1] & GroupIsViable) == 0)
                throw new IOException($"IOMMU group {group} of device {address} holds another device that a driver uses");
            var descriptor = container.Descriptor;
            opened.Control(VfioCall.GroupSetContainer, (nint)(&descriptor));
            container.Control(VfioCall.SetIommu, (nint)Type1v2Iommu);
            fixed (byte* name = System.Text.Encoding.ASCII.GetBytes(address + "\0"))
                return new VfioDevice(container, opened, new VfioDescriptor(opened.Control(VfioCall.GroupGetDevice, (nint)name)));
        }
        catch
        {
            opened?.Dispose();
            container.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Lets the device send interrupts, and turns its first vectors into the descriptors, all at once: what is rung before is lost, and
    /// whoever calls this looks at its rings once afterwards.
    /// </summary>
    /// <exception cref="IOException">The device, or the VM's interrupt controller, has fewer vectors.</exception>
    public void Listen(IReadOnlyList<EventFd> bells)
    {
        // vfio-pci opens a device with bus mastering off, and an MSI is a write to memory by the device.
        var region = stackalloc byte[32];
        *(uint*)region = 32;
        ((uint*)region)[2] = ConfigurationRegion;
        _device.Control(VfioCall.DeviceGetRegion, (nint)region);
        var command = (long)((ulong*)region)[3] + CommandRegister;
        _device.WriteWord(command, (ushort)(_device.ReadWord(command) | MemoryAndMaster));

        var request = new byte[InterruptHeader + bells.Count * sizeof(int)];
        fixed (byte* at = request)
        {
            var words = (uint*)at;
            words[0] = (uint)request.Length;
            words[1] = EventDescriptors | ActionTrigger;
            words[2] = MsixIndex;
            words[4] = (uint)bells.Count;
            for (var i = 0; i < bells.Count; i++)
                words[5 + i] = (uint)bells[i].Descriptor;
            var left = _device.Control(VfioCall.DeviceSetInterrupts, (nint)at);
            if (left > 0)
                throw new IOException($"the VM has {left} interrupt vectors left, {bells.Count} are needed");
        }
    }

    public void Dispose()
    {
        _device.Dispose();
        _group.Dispose();
        _container.Dispose();
    }
}

/// <summary>VFIO's requests: linux/vfio.h, <c>_IO(';', 100 + n)</c>.</summary>
internal enum VfioCall : uint
{
    SetIommu = 0x3B66,
    GroupGetStatus = 0x3B67,
    GroupSetContainer = 0x3B68,
    GroupGetDevice = 0x3B6A,
    DeviceGetRegion = 0x3B6C,
    DeviceSetInterrupts = 0x3B6E,
}

/// <summary>A descriptor of VFIO's: container, group or device.</summary>
internal sealed partial class VfioDescriptor : SafeHandleZeroOrMinusOneIsInvalid
{
    private const int O_RDWR = 2;
    private const int O_CLOEXEC = 0x80000;

    public VfioDescriptor() : base(ownsHandle: true)
    {
    }

    public VfioDescriptor(int descriptor) : base(ownsHandle: true) => SetHandle(descriptor);

    public int Descriptor => (int)handle;

    public static VfioDescriptor Open(string path)
    {
        var opened = Open(path, O_RDWR | O_CLOEXEC, 0);
        var errno = Marshal.GetLastPInvokeError();
        return opened.IsInvalid ? throw NativeFailure.From(errno, $"open({path})") : opened;
    }

    /// <returns>What the kernel answers, at least 0.</returns>
    public int Control(VfioCall call, nint argument)
    {
        var answer = Control(this, (nuint)call, argument);
        var errno = Marshal.GetLastPInvokeError();
        return answer >= 0 ? answer : throw NativeFailure.From(errno, $"ioctl(VFIO {call})");
    }

    public ushort ReadWord(long offset)
    {
        ushort value = 0;
        var count = Read(this, ref value, sizeof(ushort), offset);
        var errno = Marshal.GetLastPInvokeError();
        return count == sizeof(ushort) ? value : throw NativeFailure.From(errno, "pread(VFIO device)");
    }

    public void WriteWord(long offset, ushort value)
    {
        var count = Write(this, in value, sizeof(ushort), offset);
        var errno = Marshal.GetLastPInvokeError();
        if (count != sizeof(ushort))
            throw NativeFailure.From(errno, "pwrite(VFIO device)");
    }

    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial VfioDescriptor Open(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "ioctl", SetLastError = true)]
    private static partial int Control(VfioDescriptor descriptor, nuint request, nint argument);

    [LibraryImport("libc", EntryPoint = "pread", SetLastError = true)]
    private static partial nint Read(VfioDescriptor descriptor, ref ushort value, nint length, long offset);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static partial nint Write(VfioDescriptor descriptor, in ushort value, nint length, long offset);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
