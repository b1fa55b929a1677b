using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>
/// What the TOVM tells the SVMs of a connection: the source of their stream tables (paper section 4). In the core segment, one per
/// slot, written before <see cref="Opcode.StreamOpen"/> is published.
/// </summary>
/// <remarks>
/// <code>
/// offset  size  field         meaning
///      0     8  ConnectionId
///      8     1  Initiator     0 the guest connected, 1 the peer did
///      9     1  PathLength    parties in Path, 1..7; the last is the TOVM
///     10     1  Sealed        1: payloads out are copied out of the guest's reach by the first hop
///     11     1  Bypass        1: the chain's failure policy lets the stream pass
///     12     1  Closing       1: the SVMs are told to forget the connection; nobody takes it up from here any more
///     16     8  Path          party numbers from the guest outwards; the incoming stream takes the reverse path
///     24    24  Guest         address on the guest's side
///     48    24  Peer
///     72     8  OpenedAt      Unix time, milliseconds
///     80     4  HoldLimit     bytes
///     84     4  HoldDeadline  milliseconds
///     96    32  ChainName     UTF-8, zero padded
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public unsafe struct StreamRecord
{
    public const int ByteSize = 256;
    public const int NameBytes = 32;

    [FieldOffset(0)] public ulong ConnectionId;
    [FieldOffset(8)] public byte Initiator;
    [FieldOffset(9)] public byte PathLength;
    [FieldOffset(10)] public byte Sealed;
    [FieldOffset(11)] public byte Bypass;
    [FieldOffset(12)] public byte Closing;
    [FieldOffset(16)] public fixed byte Path[Party.Count];
    [FieldOffset(24)] public SharedAddress Guest;
    [FieldOffset(48)] public SharedAddress Peer;
    [FieldOffset(72)] public long OpenedAt;
    [FieldOffset(80)] public uint HoldLimit;
    [FieldOffset(84)] public uint HoldDeadline;
    [FieldOffset(96)] public fixed byte ChainName[NameBytes];
}
