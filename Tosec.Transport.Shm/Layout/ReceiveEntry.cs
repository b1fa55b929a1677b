using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>Kinds of <see cref="ReceiveEntry"/>. In C: <c>tosec_entry_kind</c>.</summary>
public enum ReceiveEntryKind : uint
{
    Data = 1,
    Fin = 2,
    Reset = 3,
    Accepted = 4,
}

/// <summary>One entry of a stream's receive ring, written by the last hop of the incoming path. In C: <c>tosec_ring_entry</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field   meaning
///      0     8  Offset  Data: bytes from the start of the receive segment; Accepted: connection id
///      8     4  Length  Data: payload bytes; Accepted: stream slot; Reset: errno
///     12     4  Kind    ReceiveEntryKind
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public struct ReceiveEntry
{
    public const int ByteSize = 16;

    [FieldOffset(0)] public ulong Offset;
    [FieldOffset(8)] public uint Length;
    [FieldOffset(12)] public uint Kind;
}
