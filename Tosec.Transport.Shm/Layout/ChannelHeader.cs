using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>Head of a channel, what one process of the guest has of the edge segment. In C: <c>tosec_channel_header</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field     written by  meaning
///      0     4  Sleeping  process     1 while a thread waits for an RPC reply; whoever takes it to 0 rings vector = channel
///      4     4  Pid       agent       of the process, in the guest; 0: free
///      8     8  Session   agent       changes each time the channel is given to a process
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public struct ChannelHeader
{
    public const int ByteSize = 256;

    [FieldOffset(0)] public uint Sleeping;
    [FieldOffset(4)] public uint Pid;
    [FieldOffset(8)] public ulong Session;
}
