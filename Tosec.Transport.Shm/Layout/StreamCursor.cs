using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>What the guest owns of a stream, in the edge segment: hostile to everyone else. In C: <c>tosec_stream_cursor</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field            written by      meaning
///      0     8  ReceiveHead      processes       ring entries consumed (release)
///      8     4  ReceiveOffset    processes       bytes consumed of an entry (lower half), and the lower half of its position
///     12     4  ReceiveLock      processes       0, or its holder: channel in bits 22 to 29, thread below; the agent frees it when the
///                                                process is gone
///     16     4  ReadableToken    agent, process  1 while a byte waits on end A
///     20     4  Channel          process         channel that holds the slot until the agent has end B; 0: none
///     64     8  SendSequence     processes       next sequence number of the outgoing stream
///     72     8  SendPosition     processes       credit used, in bytes of the buffer classes used
///     80     4  SendLock         processes       as ReceiveLock
///     84     4  WantWrite        process, agent  1: tell the agent when SendLimit grows
///     88     4  FinSent          processes       0 no, 1 published, 2 being published under SendLock
///     96     8  PuttingSequence  processes       1 + number of the payload being published under SendLock; 0: none
///    104     8  PuttingPosition  processes       what SendPosition becomes with it
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public struct StreamCursor
{
    public const int ByteSize = 128;

    /// <summary>Of <see cref="FinSent"/>: FIN has been published.</summary>
    public const uint FinPut = 1;

    /// <summary>Of <see cref="FinSent"/>: FIN is being published.</summary>
    public const uint FinPutting = 2;

    [FieldOffset(0)] public ulong ReceiveHead;
    [FieldOffset(8)] public uint ReceiveOffset;
    [FieldOffset(12)] public uint ReceiveLock;
    [FieldOffset(16)] public uint ReadableToken;
    [FieldOffset(20)] public uint Channel;
    [FieldOffset(64)] public ulong SendSequence;
    [FieldOffset(72)] public ulong SendPosition;
    [FieldOffset(80)] public uint SendLock;
    [FieldOffset(84)] public uint WantWrite;
    [FieldOffset(88)] public uint FinSent;
    [FieldOffset(96)] public ulong PuttingSequence;
    [FieldOffset(104)] public ulong PuttingPosition;
}
