using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>An IPv4 or IPv6 address and port; 24 bytes. In C: <c>tosec_address</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field   meaning
///      0     2  Family  0 none, 4, 6
///      2     2  Port    host order
///      4     4  Scope   IPv6 scope id
///      8    16  Bytes   network order; an IPv4 address lies in bytes 0..3
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public unsafe struct SharedAddress
{
    public const int ByteSize = 24;

    [FieldOffset(0)] public ushort Family;
    [FieldOffset(2)] public ushort Port;
    [FieldOffset(4)] public uint Scope;
    [FieldOffset(8)] public fixed byte Bytes[16];

    /// <summary>The end point this is, or null for family 0 or a family that does not exist.</summary>
    public readonly IPEndPoint? ToEndPoint()
    {
        fixed (byte* bytes = Bytes)
        {
            return Family switch
            {
                4 => new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(bytes, 4)), Port),
                6 => new IPEndPoint(new IPAddress(new ReadOnlySpan<byte>(bytes, 16), Scope), Port),
                _ => null,
            };
        }
    }

    public static SharedAddress From(IPEndPoint endPoint)
    {
        var address = new SharedAddress { Port = (ushort)endPoint.Port };
        var destination = new Span<byte>(address.Bytes, 16);
        if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
        {
            address.Family = 6;
            address.Scope = (uint)endPoint.Address.ScopeId;
        }
        else
        {
            address.Family = 4;
        }

        endPoint.Address.TryWriteBytes(destination, out _);
        return address;
    }
}
