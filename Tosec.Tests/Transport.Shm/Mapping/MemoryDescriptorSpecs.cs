using System.Runtime.InteropServices;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.Transport.Shm.Mapping;

/// <summary>What a holder of a descriptor can do to the others who hold it.</summary>
public sealed unsafe partial class MemoryDescriptorSpecs
{
    private const int F_ADD_SEALS = 1033;
    private const int F_GET_SEALS = 1034;
    private const int F_SEAL_FUTURE_WRITE = 16;
    private const int EPERM = 1;

    [Fact]
    public void Shared_memory_neither_shrinks_nor_grows()
    {
        using var memory = MemoryDescriptor.Create("tosec-test-sealed", 8192);

        Assert.Equal((-1, EPERM), (Truncate(memory.Descriptor, 4096), Marshal.GetLastPInvokeError()));
        Assert.Equal((-1, EPERM), (Truncate(memory.Descriptor, 0), Marshal.GetLastPInvokeError()));
        Assert.Equal((-1, EPERM), (Truncate(memory.Descriptor, 16384), Marshal.GetLastPInvokeError()));
        Assert.Equal(8192, memory.Length);
        Assert.Equal(1 | 2 | 4, Control(memory.Descriptor, F_GET_SEALS, 0));
    }

    [Fact]
    public void A_holder_cannot_seal_it_against_the_writing_of_others()
    {
        using var memory = MemoryDescriptor.Create("tosec-test-sealed", 8192);

        Assert.Equal((-1, EPERM), (Control(memory.Descriptor, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), Marshal.GetLastPInvokeError()));

        MappedMemory.Map(memory, 8192, writable: true).Dispose();
    }

    [Fact]
    public void A_read_only_descriptor_cannot_be_mapped_writable_nor_made_so()
    {
        using var memory = MemoryDescriptor.Create("tosec-test-ro", 8192);
        using var readOnly = memory.OpenReadOnly();

        Assert.Equal("EACCES", Assert.Throws<NativeFailure>(() => MappedMemory.Map(readOnly, 8192, writable: true)).ErrnoName);
        using var mapping = MappedMemory.Map(readOnly, 8192, writable: false);
        Assert.Equal(-1, Protect(mapping.Address, 8192, 3));
        Assert.Equal(-1, Truncate(readOnly.Descriptor, 0));
        Assert.Equal((-1, EPERM), (Control(readOnly.Descriptor, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), Marshal.GetLastPInvokeError()));
    }

    [Fact]
    public void Nobody_but_the_creators_user_can_open_the_memory_again_through_proc()
    {
        using var memory = MemoryDescriptor.Create("tosec-test-mode", 8192);
        using var readOnly = memory.OpenReadOnly();

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode($"/proc/self/fd/{readOnly.Descriptor}"));
    }

    [Fact]
    public void A_read_only_mapping_sees_what_a_writer_writes()
    {
        using var memory = MemoryDescriptor.Create("tosec-test-shared", 8192);
        using var readOnly = memory.OpenReadOnly();
        using var writer = MappedMemory.Map(memory, 8192, writable: true);
        using var reader = MappedMemory.Map(readOnly, 8192, writable: false);

        writer.Address[5000] = 17;

        Assert.Equal(17, reader.Address[5000]);
    }

    [Fact]
    public void The_guest_cannot_open_the_receive_segment_for_writing()
    {
        using var guest = new SharedGuest();
        using var readOnly = guest.Receive.OpenReadOnly();

        var failure = Assert.Throws<NativeFailure>(() => Segment.Open(readOnly, SegmentKind.Receive, writable: true));

        Assert.Equal("EACCES", failure.ErrnoName);
        Segment.Open(readOnly, SegmentKind.Receive, writable: false).Dispose();
    }

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int Truncate(int descriptor, long length);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(byte* address, nint length, int protection);
}
