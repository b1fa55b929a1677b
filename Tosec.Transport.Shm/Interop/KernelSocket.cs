using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tosec.Transport.Shm.Interop;

/// <summary>
/// A non-blocking TCP socket of the kernel, received into and sent from shared memory directly. Results are counts or negative errno:
/// refusals are everyday here. One thread at a time.
/// </summary>
internal sealed unsafe partial class KernelSocket : SafeHandleZeroOrMinusOneIsInvalid
{
    internal const int SOL_SOCKET = 1;
    internal const int SO_ERROR = 4;
    internal const int SO_LINGER = 13;

    private const int AF_INET = 2;
    private const int AF_INET6 = 10;
    private const int SOCK_STREAM = 1;
    private const int SOCK_NONBLOCK = 0x800;
    private const int SOCK_CLOEXEC = 0x80000;
    private const int MSG_DONTWAIT = 0x40;
    private const int MSG_NOSIGNAL = 0x4000;
    private const int AddressBytes = 28;

    private KernelSocket(int descriptor) : base(ownsHandle: true) => SetHandle(descriptor);

    internal int Descriptor => (int)handle;

    /// <returns>Null with the errno when the kernel refuses.</returns>
    internal static KernelSocket? Create(bool ipv6, out int errno)
    {
        var descriptor = CreateSocket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        errno = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor < 0 ? null : new KernelSocket(descriptor);
    }

    internal int Bind(IPEndPoint endPoint)
    {
        var address = stackalloc byte[AddressBytes];
        return Result(BindTo(this, address, Write(endPoint, address)));
    }

    internal int Listen(int backlog) => Result(ListenOn(this, backlog));

    internal int Connect(IPEndPoint endPoint)
    {
        var address = stackalloc byte[AddressBytes];
        return Result(ConnectTo(this, address, Write(endPoint, address)));
    }

    /// <returns>Null with the errno when there is none, or the kernel refuses.</returns>
    internal KernelSocket? Accept(out int errno)
    {
        var descriptor = AcceptOn(this, null, null, SOCK_NONBLOCK | SOCK_CLOEXEC);
        errno = descriptor < 0 ? Marshal.GetLastPInvokeError() : 0;
        return descriptor < 0 ? null : new KernelSocket(descriptor);
    }

    internal int Receive(Span<byte> buffer)
    {
        fixed (byte* bytes = buffer)
            return Result((int)ReceiveFrom(this, bytes, (nuint)buffer.Length, MSG_DONTWAIT));
    }

    internal int Send(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* bytes = buffer)
            return Result((int)SendTo(this, bytes, (nuint)buffer.Length, MSG_DONTWAIT | MSG_NOSIGNAL));
    }

    /// <param name="how">0 read, 1 write, 2 both.</param>
    internal int Shutdown(int how) => Result(ShutdownHow(this, how));

    internal int SetOption(int level, int name, ReadOnlySpan<byte> value)
    {
        fixed (byte* bytes = value)
            return Result(SetSocketOption(this, level, name, bytes, (uint)value.Length));
    }

    internal int SetOption(int level, int name, int value) => SetOption(level, name, new ReadOnlySpan<byte>(&value, sizeof(int)));

    /// <returns>Length of the value, or a negative errno.</returns>
    internal int GetOption(int level, int name, Span<byte> value)
    {
        var length = (uint)value.Length;
        fixed (byte* bytes = value)
        {
            var result = Result(GetSocketOption(this, level, name, bytes, &length));
            return result < 0 ? result : (int)length;
        }
    }

    /// <summary>Takes the pending error; 0 if there is none.</summary>
    internal int TakeError()
    {
        var error = 0;
        return GetOption(SOL_SOCKET, SO_ERROR, new Span<byte>(&error, sizeof(int))) < 0 ? 5 : error;
    }

    /// <summary>Makes the close that follows send a reset.</summary>
    internal void ResetOnClose()
    {
        var linger = stackalloc int[2] { 1, 0 };
        SetOption(SOL_SOCKET, SO_LINGER, new ReadOnlySpan<byte>(linger, 8));
    }

    internal IPEndPoint? LocalEndPoint => Name(peer: false);

    internal IPEndPoint? RemoteEndPoint => Name(peer: true);

    // Linux frees the number before it reports, so a failed close leaves nothing to do.
    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    private static int Result(int result) => result >= 0 ? result : -Marshal.GetLastPInvokeError();

    private static uint Write(IPEndPoint endPoint, byte* address)
    {
        new Span<byte>(address, AddressBytes).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(new Span<byte>(address + 2, 2), (ushort)endPoint.Port);
        if (endPoint.AddressFamily == AddressFamily.InterNetwork)
        {
            *(ushort*)address = AF_INET;
            endPoint.Address.TryWriteBytes(new Span<byte>(address + 4, 4), out _);
            return 16;
        }

        *(ushort*)address = AF_INET6;
        endPoint.Address.TryWriteBytes(new Span<byte>(address + 8, 16), out _);
        *(uint*)(address + 24) = (uint)endPoint.Address.ScopeId;
        return 28;
    }

    private IPEndPoint? Name(bool peer)
    {
        var address = stackalloc byte[AddressBytes];
        var length = (uint)AddressBytes;
        if ((peer ? GetPeerName(this, address, &length) : GetSocketName(this, address, &length)) < 0)
            return null;
        var port = BinaryPrimitives.ReadUInt16BigEndian(new ReadOnlySpan<byte>(address + 2, 2));
        return *(ushort*)address switch
        {
            AF_INET => new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(address + 4, 4)), port),
            AF_INET6 => new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(address + 8, 16), *(uint*)(address + 24)), port),
            _ => null,
        };
    }

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    private static partial int CreateSocket(int domain, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "bind", SetLastError = true)]
    private static partial int BindTo(KernelSocket socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "listen", SetLastError = true)]
    private static partial int ListenOn(KernelSocket socket, int backlog);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    private static partial int ConnectTo(KernelSocket socket, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    private static partial int AcceptOn(KernelSocket socket, void* address, uint* length, int flags);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    private static partial nint ReceiveFrom(KernelSocket socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    private static partial nint SendTo(KernelSocket socket, byte* buffer, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    private static partial int ShutdownHow(KernelSocket socket, int how);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    private static partial int SetSocketOption(KernelSocket socket, int level, int name, byte* value, uint length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    private static partial int GetSocketOption(KernelSocket socket, int level, int name, byte* value, uint* length);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    private static partial int GetSocketName(KernelSocket socket, byte* address, uint* length);

    [LibraryImport("libc", EntryPoint = "getpeername", SetLastError = true)]
    private static partial int GetPeerName(KernelSocket socket, byte* address, uint* length);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
