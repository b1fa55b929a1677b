using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>Head of every segment. In C: <c>tosec_segment_header</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field          written by  meaning
///      0     8  Magic          creator     stored last, release; zero means "not ready"
///      8     4  LayoutVersion  creator     a reader refuses a major (upper half) it does not know
///     12     4  Kind           creator     SegmentKind
///     16     8  TotalBytes     creator     length of the segment, a power of two
///     24     8  Epoch          creator     random; the same in the three segments of one guest
///     32     4  GuestNumber    creator     unique on its host
///     36     4  HostNumber     creator     unique in the site, 0..65535
///     40     4  Channels       creator     1..256; channel 0 is the agent's
///     44     4  Streams        creator     stream slots, a power of two, 64..65536
///     48     4  SendSmall      creator     send buffers of 2 KiB per channel
///     52     4  SendLarge      creator     send buffers of 32 KiB per channel
///     56     4  SealedSmall    creator     sealed pool
///     60     4  SealedLarge    creator
///     64     4  ReceiveSmall   creator     receive pool
///     68     4  ReceiveLarge   creator
///     72     4  Vectors        creator     event descriptors of the guest's edge slot
///     76     4  Parties        creator     bit p: party p may attach
///     80    32  GuestName      creator     UTF-8, zero padded
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public unsafe struct SegmentHeader
{
    public const int ByteSize = 256;
    public const ulong ExpectedMagic = 0x47455343534F5431;
    public const uint CurrentVersion = 0x0001_0001;
    public const int NameBytes = 32;

    [FieldOffset(0)] public ulong Magic;
    [FieldOffset(8)] public uint LayoutVersion;
    [FieldOffset(12)] public uint Kind;
    [FieldOffset(16)] public ulong TotalBytes;
    [FieldOffset(24)] public ulong Epoch;
    [FieldOffset(32)] public uint GuestNumber;
    [FieldOffset(36)] public uint HostNumber;
    [FieldOffset(40)] public uint Channels;
    [FieldOffset(44)] public uint Streams;
    [FieldOffset(48)] public uint SendSmall;
    [FieldOffset(52)] public uint SendLarge;
    [FieldOffset(56)] public uint SealedSmall;
    [FieldOffset(60)] public uint SealedLarge;
    [FieldOffset(64)] public uint ReceiveSmall;
    [FieldOffset(68)] public uint ReceiveLarge;
    [FieldOffset(72)] public uint Vectors;
    [FieldOffset(76)] public uint Parties;
    [FieldOffset(80)] public fixed byte GuestName[NameBytes];
}
