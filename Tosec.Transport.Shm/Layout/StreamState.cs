using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>Where a connection stands. In C: <c>tosec_stream_status</c>.</summary>
public enum StreamStatus : uint
{
    Free = 0,
    Created = 1,
    Listening = 2,
    Connecting = 3,
    Connected = 4,

    /// <summary>Connecting failed; the error says why, and the socket may try again.</summary>
    Failed = 5,

    /// <summary>Reset by the peer, by a verdict, or because the TOE is gone.</summary>
    Aborted = 6,
}

/// <summary>What the guest may read of a stream, in the receive segment. In C: <c>tosec_stream_state</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field         written by  meaning and ordering
///      0     8  ConnectionId  TOVM        0: the slot is free
///      8     4  Status        TOVM        release, stored after what it announces
///     12     4  Error         TOVM        errno of a failed connect or of the end
///     16     4  FirstHop      TOVM        party that outgoing payloads are sent to
///     20     4  Starved       TOVM        1: the TOE stopped reading for want of credit; tell it with Credit
///     24     8  SendLimit     TOVM        credit granted, compared with SendPosition (release)
///     32    24  Local         TOVM
///     56     4  Family        TOVM        of the socket: 4 or 6
///     60     4  Type          TOVM        1 stream, 2 datagram
///     64    24  Remote        TOVM
///     88     4  ClosedRead    TOVM        1: nothing more will come and no entry says so
///    128     8  ReceiveTail   last hop    ring entries published (release; pairs with the reader's acquire)
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public struct StreamState
{
    public const int ByteSize = 256;

    [FieldOffset(0)] public ulong ConnectionId;
    [FieldOffset(8)] public uint Status;
    [FieldOffset(12)] public uint Error;
    [FieldOffset(16)] public uint FirstHop;
    [FieldOffset(20)] public uint Starved;
    [FieldOffset(24)] public ulong SendLimit;
    [FieldOffset(32)] public SharedAddress Local;
    [FieldOffset(56)] public uint Family;
    [FieldOffset(60)] public uint Type;
    [FieldOffset(64)] public SharedAddress Remote;
    [FieldOffset(88)] public uint ClosedRead;
    [FieldOffset(128)] public ulong ReceiveTail;
}
