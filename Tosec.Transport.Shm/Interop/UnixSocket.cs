using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Tosec.Transport.Shm.Interop;

/// <summary>A UNIX socket that carries descriptors. Every received descriptor is close-on-exec and owned by the caller.</summary>
public sealed unsafe partial class UnixSocket : SafeHandleZeroOrMinusOneIsInvalid
{
    public const int MaxDescriptors = 16;

    private const int AF_UNIX = 1;
    private const int SOCK_STREAM = 1;
    private const int SOCK_SEQPACKET = 5;
    private const int SOCK_NONBLOCK = 0x800;
    private const int SOCK_CLOEXEC = 0x80000;
    private const int SOL_SOCKET = 1;
    private const int SCM_RIGHTS = 1;
    private const int SO_PEERCRED = 17;
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_NOSIGNAL = 0x4000;
    private const int MSG_CMSG_CLOEXEC = 0x40000000;
    private const int MSG_CTRUNC = 8;
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_TYPE = 1;
    private const int StatxBytes = 256;
    private const int StatxModeOffset = 28;
    private const int S_IFMT = 0xf000;
    private const int S_IFSOCK = 0xc000;
    private const short POLLIN = 1;
    private const int PathBytes = 108;
    private const int ControlHeader = 16;

    public UnixSocket() : base(ownsHandle: true)
    {
    }

    /// <summary>Wraps a descriptor; the handle owns it from here.</summary>
    public UnixSocket(int descriptor) : base(ownsHandle: true) => SetHandle(descriptor);

    public int Descriptor => (int)handle;

    /// <summary>
    /// Binds and listens; accepting does not block. A socket file that nobody listens on is replaced; one in use, and anything that is
    /// no socket, is refused.
    /// </summary>
    /// <param name="path">At most 107 bytes.</param>
    /// <param name="packets">Message borders are kept (SOCK_SEQPACKET).</param>
    /// <param name="mode">Who may connect: the file's permission bits.</param>
    /// <exception cref="NativeFailure">EADDRINUSE: somebody listens there, or a file of another kind has the name.</exception>
    public static UnixSocket Listen(string path, bool packets, UnixFileMode mode)
    {
        if (IsSocket(path))
        {
            // Only a refusal tells that nobody is there: a full queue and a socket of the other type have owners too. What is left in
            // place makes bind fail.
            using var probe = TryConnect(path, packets, SOCK_NONBLOCK, out var refused);
            if (refused == 111)
                File.Delete(path);
        }

        var socket = Create(packets, SOCK_NONBLOCK);
        try
        {
            var address = stackalloc byte[2 + PathBytes];
            var length = Address(path, address);
            if (Bind(socket, address, length) < 0)
                throw NativeFailure.From(Marshal.GetLastPInvokeError(), $"bind({path})");
            File.SetUnixFileMode(path, mode);
            if (ListenOn(socket, 128) < 0)
                throw NativeFailure.From(Marshal.GetLastPInvokeError(), $"listen({path})");
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <exception cref="NativeFailure">ENOENT or ECONNREFUSED: nobody listens there.</exception>
    public static UnixSocket Connect(string path, bool packets) =>
        TryConnect(path, packets, 0, out var errno) ?? throw NativeFailure.From(errno, $"connect({path})");

    /// <summary>The same without waiting for room in the listener's queue, nor throwing.</summary>
    /// <returns>Null: <paramref name="errno"/> says why (ENOENT, ECONNREFUSED; EAGAIN: the queue is full).</returns>
    public static UnixSocket? TryConnect(string path, out int errno) => TryConnect(path, packets: false, SOCK_NONBLOCK, out errno);

    /// <summary>Blocks until something can be received (an end or an error too) or the time is over.</summary>
    /// <returns>False: the time is over.</returns>
    public bool AwaitReadable(TimeSpan time)
    {
        var deadline = Environment.TickCount64 + (long)time.TotalMilliseconds;
        while (true)
        {
            var poll = new PollEntry { Descriptor = Descriptor, Events = POLLIN };
            var left = (int)Math.Clamp(deadline - Environment.TickCount64, 0, int.MaxValue);
            var ready = Poll(&poll, 1, left);
            var errno = Marshal.GetLastPInvokeError();
            if (ready >= 0)
                return ready > 0;
            if (errno != Errnos.EINTR)
                throw NativeFailure.From(errno, "poll(unix)");
        }
    }

    /// <summary>The next connection, non-blocking, or null when none waits.</summary>
    public UnixSocket? Accept()
    {
        while (true)
        {
            var descriptor = AcceptOn(this, null, null, SOCK_CLOEXEC | SOCK_NONBLOCK);
            var errno = Marshal.GetLastPInvokeError();
            if (descriptor >= 0)
                return new UnixSocket(descriptor);
            if (errno is Errnos.EAGAIN or 103)
                return null;
            if (errno != Errnos.EINTR)
                throw NativeFailure.From(errno, "accept4(unix)");
        }
    }

    /// <summary>Process and user at the other end, as the kernel noted them when it connected.</summary>
    public (int Pid, int Uid) PeerCredentials()
    {
        var credentials = stackalloc int[3];
        var length = 12u;
        if (GetOption(this, SOL_SOCKET, SO_PEERCRED, credentials, &length) < 0)
            throw NativeFailure.From(Marshal.GetLastPInvokeError(), "getsockopt(SO_PEERCRED)");
        return (credentials[0], credentials[1]);
    }

    /// <summary>Sends bytes alone: what is done for each request, so by the plainest call. Never blocks.</summary>
    /// <returns>Bytes sent, or a negative errno (EAGAIN, EPIPE, ECONNRESET…).</returns>
    public int TrySend(ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            while (true)
            {
                var sent = SendBytes(this, bytes, (nuint)data.Length, MSG_NOSIGNAL | MSG_DONTWAIT);
                var errno = Marshal.GetLastPInvokeError();
                if (sent >= 0)
                    return (int)sent;
                if (errno != Errnos.EINTR)
                    return -errno;
            }
        }
    }

    /// <summary>Sends one message with descriptors; they stay the caller's. Never blocks.</summary>
    /// <returns>Bytes sent, or a negative errno (EAGAIN, EPIPE, ECONNRESET…).</returns>
    /// <exception cref="ArgumentException">More than <see cref="MaxDescriptors"/>.</exception>
    public int TrySend(ReadOnlySpan<byte> data, ReadOnlySpan<int> descriptors)
    {
        if (descriptors.Length > MaxDescriptors)
            throw new ArgumentException($"{descriptors.Length} descriptors; a message carries at most {MaxDescriptors}", nameof(descriptors));
        var control = stackalloc byte[ControlHeader + MaxDescriptors * sizeof(int)];
        fixed (byte* bytes = data)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)data.Length };
            var header = new MessageHeader { Vector = &vector, VectorLength = 1 };
            if (descriptors.Length > 0)
            {
                *(nuint*)control = (nuint)(ControlHeader + descriptors.Length * sizeof(int));
                *(int*)(control + 8) = SOL_SOCKET;
                *(int*)(control + 12) = SCM_RIGHTS;
                descriptors.CopyTo(new Span<int>(control + ControlHeader, descriptors.Length));
                header.Control = control;
                header.ControlLength = (nuint)((ControlHeader + descriptors.Length * sizeof(int) + 7) & ~7);
            }

            while (true)
            {
                var sent = SendMessage(this, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
                var errno = Marshal.GetLastPInvokeError();
                if (sent >= 0)
                    return (int)sent;
                if (errno != Errnos.EINTR)
                    return -errno;
            }
        }
    }

    /// <summary>Receives one message and its descriptors.</summary>
    /// <param name="data">Room for the message.</param>
    /// <param name="descriptors">Room for descriptors; more than fit are closed by the kernel and the message is refused (EMSGSIZE).</param>
    /// <param name="count">Descriptors received; owned by the caller.</param>
    /// <param name="wait">Whether to block until something comes.</param>
    /// <returns>Bytes received, 0 at the end, or a negative errno.</returns>
    public int TryReceive(Span<byte> data, Span<int> descriptors, out int count, bool wait = false)
    {
        var control = stackalloc byte[ControlHeader + MaxDescriptors * sizeof(int)];
        count = 0;
        fixed (byte* bytes = data)
        {
            var vector = new IoVector { Base = bytes, Length = (nuint)data.Length };
            var header = new MessageHeader
            {
                Vector = &vector,
                VectorLength = 1,
                Control = descriptors.Length > 0 ? control : null,
                ControlLength = (nuint)(descriptors.Length > 0 ? ControlHeader + Math.Min(descriptors.Length, MaxDescriptors) * sizeof(int) : 0),
            };
            while (true)
            {
                var received = ReceiveMessage(this, &header, MSG_CMSG_CLOEXEC | (wait ? 0 : MSG_DONTWAIT));
                var errno = Marshal.GetLastPInvokeError();
                if (received < 0)
                {
                    if (errno == Errnos.EINTR)
                        continue;
                    return -errno;
                }

                if (header.ControlLength >= ControlHeader && *(int*)(control + 8) == SOL_SOCKET && *(int*)(control + 12) == SCM_RIGHTS)
                {
                    count = Math.Min((int)((*(nuint*)control - ControlHeader) / sizeof(int)), descriptors.Length);
                    new ReadOnlySpan<int>(control + ControlHeader, count).CopyTo(descriptors);
                }

                if ((header.Flags & MSG_CTRUNC) == 0)
                    return (int)received;
                for (var i = 0; i < count; i++)
                    _ = Close(descriptors[i]);
                count = 0;
                return -90;
            }
        }
    }

    /// <summary>Ends the direction away from us: the other end reads an end of stream.</summary>
    /// <returns>0, or a negative errno.</returns>
    public int ShutdownWrite() => ShutdownHow(this, 1) == 0 ? 0 : -Marshal.GetLastPInvokeError();

    // Linux frees the number before it reports, so a failed close leaves nothing to do.
    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    private static UnixSocket? TryConnect(string path, bool packets, int flags, out int errno)
    {
        var address = stackalloc byte[2 + PathBytes];
        var length = Address(path, address);
        var socket = Create(packets, flags);
        errno = 0;
        if (ConnectTo(socket, address, length) == 0)
            return socket;
        errno = Marshal.GetLastPInvokeError();
        socket.Dispose();
        return null;
    }

    private static bool IsSocket(string path)
    {
        var status = stackalloc byte[StatxBytes];
        return Status(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, status) == 0
            && (*(ushort*)(status + StatxModeOffset) & S_IFMT) == S_IFSOCK;
    }

    private static UnixSocket Create(bool packets, int flags)
    {
        var descriptor = CreateSocket(AF_UNIX, (packets ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC | flags, 0);
        var errno = Marshal.GetLastPInvokeError();
        return descriptor >= 0 ? new UnixSocket(descriptor) : throw NativeFailure.From(errno, "socket(AF_UNIX)");
    }

    private static uint Address(string path, byte* address)
    {
        var bytes = Encoding.UTF8.GetByteCount(path);
        if (bytes >= PathBytes)
            throw new ArgumentException($"socket path \"{path}\" is {bytes} bytes long; the kernel takes at most {PathBytes - 1}", nameof(path));
        new Span<byte>(address, 2 + PathBytes).Clear();
        *(ushort*)address = AF_UNIX;
        Encoding.UTF8.GetBytes(path, new Span<byte>(address + 2, PathBytes));
        return 2 + PathBytes;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollEntry
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public IoVector* Vector;
        public nuint VectorLength;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int CreateSocket(int domain, int type, int protocol);

    // Its layout is the same on every CPU, unlike that of stat.
    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Status(int directory, string path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int Bind(UnixSocket socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int ListenOn(UnixSocket socket, int backlog);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int ConnectTo(UnixSocket socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int AcceptOn(UnixSocket socket, void* address, uint* length, int flags);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetOption(UnixSocket socket, int level, int name, void* value, uint* length);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    private static partial int ShutdownHow(UnixSocket socket, int how);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint SendBytes(UnixSocket socket, byte* data, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "sendmsg", SetLastError = true)]
    private static partial nint SendMessage(UnixSocket socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "recvmsg", SetLastError = true)]
    private static partial nint ReceiveMessage(UnixSocket socket, MessageHeader* message, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    private static partial int Poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
