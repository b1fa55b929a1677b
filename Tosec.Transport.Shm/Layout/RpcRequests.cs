using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>Request of <see cref="RpcMethod.Socket"/>. In C: <c>tosec_rpc_socket</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field   meaning
///      0     4  Family  4 or 6
///      4     4  Type    1 stream, 2 datagram
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = 8)]
public struct RpcSocket
{
    [FieldOffset(0)] public uint Family;
    [FieldOffset(4)] public uint Type;
}

/// <summary>Head of an option request; the value follows. In C: <c>tosec_rpc_option</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field   meaning
///      0     4  Level   Linux's number
///      4     4  Name    Linux's number
///      8     4  Length  of the value, or room for it; at most 128
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public struct RpcOption
{
    public const int ByteSize = 16;

    [FieldOffset(0)] public int Level;
    [FieldOffset(4)] public int Name;
    [FieldOffset(8)] public uint Length;
}
