using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tosec.Transport.Shm.Interop;

/// <summary>A descriptor of memory that can be mapped: a memfd, or a file or device that stands for shared memory.</summary>
public sealed partial class MemoryDescriptor : SafeHandleZeroOrMinusOneIsInvalid
{
    private const uint MFD_CLOEXEC = 1;
    private const uint MFD_ALLOW_SEALING = 2;
    private const int F_ADD_SEALS = 1033;
    private const int F_SEAL_SEAL = 1;
    private const int F_SEAL_SHRINK = 2;
    private const int F_SEAL_GROW = 4;
    private const uint OwnerOnly = 0x180; // 0600
    private const int O_RDONLY = 0;
    private const int O_RDWR = 2;
    private const int O_CLOEXEC = 0x80000;
    private const int SEEK_END = 2;

    private long? _fileLength;

    public MemoryDescriptor() : base(ownsHandle: true)
    {
    }

    /// <summary>Wraps a received descriptor; the handle owns it from here.</summary>
    public MemoryDescriptor(int descriptor) : base(ownsHandle: true) => SetHandle(descriptor);

    public int Descriptor => (int)handle;

    /// <summary>Length in bytes, as the kernel knows it: never what a header claims.</summary>
    /// <exception cref="NativeFailure">The descriptor cannot be asked.</exception>
    public long Length
    {
        get
        {
            if (_fileLength is { } known)
                return known;
            var length = Seek(this, 0, SEEK_END);
            var errno = Marshal.GetLastPInvokeError();
            return length >= 0 ? length : throw NativeFailure.From(errno, "lseek(memory)");
        }
    }

    /// <summary>
    /// Makes anonymous shared memory of a fixed length: sealed against shrinking and growing, so that no holder can make another's
    /// mapping fault, and against further seals, so that none can stop others from mapping it.
    /// </summary>
    /// <remarks>
    /// Its permission bits are the creator's alone. The kernel gives everybody all of them, and then a holder of a read-only descriptor
    /// opens it for writing through <c>/proc/self/fd</c>.
    /// </remarks>
    public static MemoryDescriptor Create(string name, long length)
    {
        var created = CreateMemory(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        var errno = Marshal.GetLastPInvokeError();
        if (created.IsInvalid)
            throw NativeFailure.From(errno, $"memfd_create({name})");
        if (Truncate(created, length) < 0)
        {
            errno = Marshal.GetLastPInvokeError();
            created.Dispose();
            throw NativeFailure.From(errno, $"ftruncate({name}, {length})");
        }

        if (ChangeMode(created, OwnerOnly) < 0)
        {
            errno = Marshal.GetLastPInvokeError();
            created.Dispose();
            throw NativeFailure.From(errno, $"fchmod({name})");
        }

        if (Control(created, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW) < 0)
        {
            errno = Marshal.GetLastPInvokeError();
            created.Dispose();
            throw NativeFailure.From(errno, $"fcntl({name}, F_ADD_SEALS)");
        }

        return created;
    }

    /// <summary>The same memory opened read-only: whoever is given only this cannot map it writable.</summary>
    public MemoryDescriptor OpenReadOnly()
    {
        var path = $"/proc/self/fd/{Descriptor}";
        var opened = Open(path, O_RDONLY | O_CLOEXEC, 0);
        var errno = Marshal.GetLastPInvokeError();
        return opened.IsInvalid ? throw NativeFailure.From(errno, $"open({path}, O_RDONLY)") : opened;
    }

    /// <summary>A file that stands for memory, such as a PCI device's.</summary>
    /// <exception cref="NativeFailure">It is not there, or may not be opened so.</exception>
    internal static MemoryDescriptor OpenFile(string path, bool writable)
    {
        var opened = Open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC, 0);
        var errno = Marshal.GetLastPInvokeError();
        if (opened.IsInvalid)
            throw NativeFailure.From(errno, $"open({path})");
        // Seeking in a PCI device's file finds no end; its status has the length.
        opened._fileLength = new FileInfo(path).Length;
        return opened;
    }

    // Linux frees the number before it reports, so a failed close leaves nothing to do.
    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    [LibraryImport("libc", EntryPoint = "memfd_create", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial MemoryDescriptor CreateMemory(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Truncate(MemoryDescriptor descriptor, long length);

    [LibraryImport("libc", EntryPoint = "fchmod", SetLastError = true)]
    private static partial int ChangeMode(MemoryDescriptor descriptor, uint mode);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(MemoryDescriptor descriptor, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial MemoryDescriptor Open(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(MemoryDescriptor descriptor, long offset, int whence);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}

/// <summary>A mapping of a <see cref="MemoryDescriptor"/>, unmapped when disposed. The descriptor may be closed before.</summary>
public sealed unsafe partial class MappedMemory : SafeHandleZeroOrMinusOneIsInvalid
{
    private const int PROT_READ = 1;
    private const int PROT_WRITE = 2;
    private const int MAP_SHARED = 1;

    private MappedMemory(nint address, long length) : base(ownsHandle: true)
    {
        SetHandle(address);
        Length = length;
    }

    /// <summary>First byte; valid until disposal. Whoever keeps it sees to it that it outlives no mapping.</summary>
    public byte* Address => (byte*)handle;

    public long Length { get; }

    /// <exception cref="NativeFailure">EACCES: writable asked of a read-only descriptor; ENOMEM: no room.</exception>
    public static MappedMemory Map(MemoryDescriptor memory, long length, bool writable)
    {
        var address = Map(0, (nuint)length, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, memory, 0);
        var errno = Marshal.GetLastPInvokeError();
        return address == -1 ? throw NativeFailure.From(errno, $"mmap({length} bytes)") : new MappedMemory(address, length);
    }

    protected override bool ReleaseHandle() => Unmap(handle, (nuint)Length) == 0;

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint address, nuint length, int protection, int flags, MemoryDescriptor descriptor, long offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int Unmap(nint address, nuint length);
}
