using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>Wake-up state of one party in the edge segment. In C: <c>tosec_edge_party</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field        written by  meaning and ordering
///      0     4  Sleeping     party       1 while it blocks; whoever takes it from 1 to 0 rings its doorbell
///      8     8  Heartbeat    party       grows several times a second while it lives
///     16     8  Incarnation  party       random, changes when the party starts again; 0: never attached
///    128    32  Pending      channels    bit c: channel c's lane has news; set after the tail, taken by the party
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public unsafe struct EdgePartyState
{
    public const int ByteSize = 256;
    public const int PendingWords = 4;

    [FieldOffset(0)] public uint Sleeping;
    [FieldOffset(8)] public ulong Heartbeat;
    [FieldOffset(16)] public ulong Incarnation;
    [FieldOffset(128)] public fixed ulong Pending[PendingWords];
}

/// <summary>Wake-up state of one party in the core segment.</summary>
/// <remarks>
/// <code>
/// offset  size  field        written by  meaning and ordering
///      0     4  Sleeping     party       1 while it blocks; whoever takes it from 1 to 0 rings its doorbell
///      4     4  PoolWaiting  party       1: ring me when a buffer of the sealed pool comes free
///      8     8  Heartbeat    party       grows several times a second while it lives
///     16     8  Incarnation  party       random, changes when the party starts again; 0: never attached
///    128     8  Pending      parties     bit p: party p's lane has news; set after the tail, taken by the party
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public struct CorePartyState
{
    public const int ByteSize = 256;

    [FieldOffset(0)] public uint Sleeping;
    [FieldOffset(4)] public uint PoolWaiting;
    [FieldOffset(8)] public ulong Heartbeat;
    [FieldOffset(16)] public ulong Incarnation;
    [FieldOffset(128)] public ulong Pending;
}

/// <summary>Who a party is; written into the core segment by its creator, 64 bytes each.</summary>
/// <remarks>
/// <code>
/// offset  size  field  meaning
///      0    32  Name   of the node, UTF-8, zero padded; empty: no such party
///     32    32  Type   SVM type ("waf"), or "guest", "tovm"
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public unsafe struct PartyRecord
{
    public const int ByteSize = 64;
    public const int NameBytes = 32;

    [FieldOffset(0)] public fixed byte Name[NameBytes];
    [FieldOffset(32)] public fixed byte Type[NameBytes];
}
