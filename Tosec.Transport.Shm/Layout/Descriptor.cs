using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>One descriptor: one cache line of a lane. In C: <c>tosec_descriptor</c>.</summary>
/// <remarks>
/// Written by the lane's producer before it publishes the tail. A consumer copies it to private memory first and validates the copy.
/// <code>
/// offset  size  field        meaning
///      0     1  Opcode
///      1     1  Flags        0
///      2     2  Code         RPC method, or a reason (errno)
///      4     4  Slot         stream slot
///      8     8  StreamId     connection id; lowest bit: direction
///     16     8  Sequence     per stream, from 0; FIN carries the number that follows the last payload
///     24     8  Offset       bytes from the start of the segment that holds the payload
///     32     4  Length       payload bytes
///     36     4  Generation   of the buffer
///     40     8  Correlation  RPC: returned in the reply
///     48     8  Arg0
///     56     8  Arg1
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public struct Descriptor
{
    public const int ByteSize = 64;

    [FieldOffset(0)] public Opcode Opcode;
    [FieldOffset(1)] public byte Flags;
    [FieldOffset(2)] public ushort Code;
    [FieldOffset(4)] public uint Slot;
    [FieldOffset(8)] public ulong StreamId;
    [FieldOffset(16)] public ulong Sequence;
    [FieldOffset(24)] public ulong Offset;
    [FieldOffset(32)] public uint Length;
    [FieldOffset(36)] public uint Generation;
    [FieldOffset(40)] public ulong Correlation;
    [FieldOffset(48)] public ulong Arg0;
    [FieldOffset(56)] public ulong Arg1;
}
