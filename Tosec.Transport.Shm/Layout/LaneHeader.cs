using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>Head of a lane; slots of <see cref="Descriptor.ByteSize"/> follow it. In C: <c>tosec_lane_header</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field  written by  meaning and ordering
///      0     8  Tail   producer    positions written; release, pairs with the consumer's acquire
///    128     8  Head   consumer    positions read; release, pairs with the producer's acquire
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public struct LaneHeader
{
    public const int ByteSize = 256;

    [FieldOffset(0)] public ulong Tail;
    [FieldOffset(128)] public ulong Head;
}
