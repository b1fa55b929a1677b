using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Client;

/// <summary>libtosec-client.so. Every function answers a value from 0 on, or a negative Linux error number; errno is not used.</summary>
internal static unsafe partial class TosecClientCalls
{
    internal const int EINTR = 4;
    internal const int EAGAIN = 11;
    internal const int EINPROGRESS = 115;
    internal const int MSG_DONTWAIT = 0x40;
    internal const int SOL_SOCKET = 1;
    internal const int SO_ERROR = 4;

    private const string Library = "libtosec-client";

    [LibraryImport(Library, EntryPoint = "tosec_set_agent", StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int SetAgent(string path);

    [LibraryImport(Library, EntryPoint = "tosec_socket")]
    internal static partial int Open(int family, int nonblocking);

    [LibraryImport(Library, EntryPoint = "tosec_bind")]
    internal static partial int Bind(SafeSocketHandle socket, SharedAddress* address);

    [LibraryImport(Library, EntryPoint = "tosec_listen")]
    internal static partial int Listen(SafeSocketHandle socket, int backlog);

    [LibraryImport(Library, EntryPoint = "tosec_accept")]
    internal static partial int Accept(SafeSocketHandle socket, SharedAddress* remote, int nonblocking);

    [LibraryImport(Library, EntryPoint = "tosec_connect")]
    internal static partial int Connect(SafeSocketHandle socket, SharedAddress* address);

    [LibraryImport(Library, EntryPoint = "tosec_send")]
    internal static partial long Send(SafeSocketHandle socket, byte* bytes, long length, int flags);

    [LibraryImport(Library, EntryPoint = "tosec_receive")]
    internal static partial long Receive(SafeSocketHandle socket, byte* bytes, long length, int flags);

    [LibraryImport(Library, EntryPoint = "tosec_shutdown")]
    internal static partial int Shutdown(SafeSocketHandle socket, int how);

    [LibraryImport(Library, EntryPoint = "tosec_getsockopt")]
    internal static partial int GetOption(SafeSocketHandle socket, int level, int name, void* value, int room);

    [LibraryImport(Library, EntryPoint = "tosec_setsockopt")]
    internal static partial int SetOption(SafeSocketHandle socket, int level, int name, void* value, int length);

    [LibraryImport(Library, EntryPoint = "tosec_getsockname")]
    internal static partial int LocalName(SafeSocketHandle socket, SharedAddress* address);

    [LibraryImport(Library, EntryPoint = "tosec_getpeername")]
    internal static partial int RemoteName(SafeSocketHandle socket, SharedAddress* address);

    [LibraryImport(Library, EntryPoint = "tosec_forget")]
    internal static partial int Forget(int descriptor);

    /// <summary>What .NET calls a Linux error number, so that callers who know sockets know this one.</summary>
    internal static SocketException Failure(long answer)
    {
        var errno = (int)-answer;
        var error = errno switch
        {
            1 or 13 => SocketError.AccessDenied,
            9 or 88 => SocketError.NotSocket,
            14 => SocketError.Fault,
            22 => SocketError.InvalidArgument,
            23 or 24 => SocketError.TooManyOpenSockets,
            32 => SocketError.Shutdown,
            92 => SocketError.ProtocolOption,
            93 => SocketError.ProtocolNotSupported,
            95 => SocketError.OperationNotSupported,
            97 => SocketError.AddressFamilyNotSupported,
            98 => SocketError.AddressAlreadyInUse,
            99 => SocketError.AddressNotAvailable,
            100 => SocketError.NetworkDown,
            101 => SocketError.NetworkUnreachable,
            103 => SocketError.ConnectionAborted,
            104 => SocketError.ConnectionReset,
            105 or 12 => SocketError.NoBufferSpaceAvailable,
            106 => SocketError.IsConnected,
            107 => SocketError.NotConnected,
            110 => SocketError.TimedOut,
            111 => SocketError.ConnectionRefused,
            112 => SocketError.HostDown,
            113 => SocketError.HostUnreachable,
            114 => SocketError.AlreadyInProgress,
            EAGAIN => SocketError.WouldBlock,
            _ => SocketError.SocketError,
        };
        return new SocketException((int)error, Marshal.GetPInvokeErrorMessage(errno));
    }
}
