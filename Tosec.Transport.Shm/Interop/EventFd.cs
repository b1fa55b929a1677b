using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tosec.Transport.Shm.Interop;

/// <summary>
/// A kernel counter used as a doorbell: any thread or process rings it, its owner waits for it in an epoll set and drains it.
/// Non-blocking and closed on exec. Every member may be called from any thread.
/// </summary>
internal sealed partial class EventFd : SafeHandleZeroOrMinusOneIsInvalid
{
    private const int EFD_CLOEXEC = 0x80000;
    private const int EFD_NONBLOCK = 0x800;

    // The marshaller fills in the descriptor.
    public EventFd() : base(ownsHandle: true)
    {
    }

    /// <summary>Wraps a descriptor that was received from elsewhere; the handle owns it from here.</summary>
    /// <remarks>The sender chose its flags; a blocking one would make <see cref="Drain"/> block.</remarks>
    public EventFd(int descriptor) : base(ownsHandle: true) => SetHandle(descriptor);

    /// <summary>The descriptor, valid while the handle is open.</summary>
    public int Descriptor => (int)handle;

    /// <summary>Makes a doorbell that has not been rung.</summary>
    /// <exception cref="NativeFailure">The process or the system has no descriptor left (EMFILE, ENFILE, ENOMEM).</exception>
    public static EventFd Create()
    {
        var created = CreateEventFd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        var errno = Marshal.GetLastPInvokeError();
        if (created.IsInvalid)
            throw NativeFailure.From(errno, "eventfd");
        return created;
    }

    /// <summary>Adds one ring; never blocks. Rings that nobody has drained add up to a single wake-up.</summary>
    /// <exception cref="ObjectDisposedException">The handle is closed.</exception>
    /// <exception cref="NativeFailure">The descriptor is not an eventfd.</exception>
    public void Ring()
    {
        while (Write(this, 1, sizeof(ulong)) < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            // A full counter refuses the write, and whoever waits for it is awake already.
            if (errno == Errnos.EAGAIN)
                return;
            if (errno != Errnos.EINTR)
                throw NativeFailure.From(errno, "write(eventfd)");
        }
    }

    /// <summary>Takes all rings; does not block.</summary>
    /// <returns>How many rings there were since the last time, 0 if none.</returns>
    /// <exception cref="ObjectDisposedException">The handle is closed.</exception>
    /// <exception cref="NativeFailure">The descriptor is not an eventfd.</exception>
    public ulong Drain()
    {
        while (true)
        {
            if (Read(this, out var rings, sizeof(ulong)) == sizeof(ulong))
                return rings;
            var errno = Marshal.GetLastPInvokeError();
            if (errno == Errnos.EAGAIN)
                return 0;
            if (errno != Errnos.EINTR)
                throw NativeFailure.From(errno, "read(eventfd)");
        }
    }

    // A failed close of an eventfd leaves nothing behind: Linux frees the number before it reports.
    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    private static partial EventFd CreateEventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    private static partial nint Write(EventFd descriptor, in ulong value, nint length);

    [LibraryImport("libc", EntryPoint = "read", SetLastError = true)]
    private static partial nint Read(EventFd descriptor, out ulong value, nint length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
