using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Layout;

/// <summary>Kinds of <see cref="AgentPacket"/>. In C: <c>tosec_agent_message</c>.</summary>
public enum AgentMessage : uint
{
    /// <summary>Process to agent: version, pid.</summary>
    Attach = 1,

    /// <summary>
    /// Agent to process, with descriptors: edge, receive, the channel's event descriptor, the doorbells of the parties that have one, and
    /// the page of registers if parties are rung by it.
    /// </summary>
    Attached = 2,

    /// <summary>Agent to process: error; the connection ends.</summary>
    Refused = 3,

    /// <summary>Process to agent, with end B of a pair: slot, connection id. No reply.</summary>
    Register = 4,
}

/// <summary>What processes and their agent say to each other, a packet each. In C: <c>tosec_agent_packet</c>.</summary>
/// <remarks>
/// <code>
/// offset  size  field         in
///      0     4  Type          all
///      4     4  Version       Attach, Attached
///      8     4  Pid           Attach
///     12     4  Channel       Attached
///     16     8  Session       Attached
///     24     8  ConnectionId  Register
///     32     4  Slot          Register
///     36     4  Parties       Attached: bit p: party p has a doorbell descriptor here
///     40     4  Error         Refused: errno
///     44     4  ByRegister    Attached: bit p: party p is rung by the doorbell register
///     48     4  Link          Attached: number of party 0 on the link; party p's is p more
/// </code>
/// </remarks>
[StructLayout(LayoutKind.Explicit, Size = ByteSize)]
public struct AgentPacket
{
    public const int ByteSize = 56;
    public const uint CurrentVersion = 2;

    [FieldOffset(0)] public AgentMessage Type;
    [FieldOffset(4)] public uint Version;
    [FieldOffset(8)] public uint Pid;
    [FieldOffset(12)] public uint Channel;
    [FieldOffset(16)] public ulong Session;
    [FieldOffset(24)] public ulong ConnectionId;
    [FieldOffset(32)] public uint Slot;
    [FieldOffset(36)] public uint Parties;
    [FieldOffset(40)] public uint Error;
    [FieldOffset(44)] public uint ByRegister;
    [FieldOffset(48)] public uint Link;
}
