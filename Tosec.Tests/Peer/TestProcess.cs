using System.Runtime.InteropServices;
using Tosec.Tests.Actors.Workers;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Peer;

/// <summary>A process of a guest as its agent sees it: a connection, a channel, and one end of a pair for each socket.</summary>
internal sealed partial class TestProcess : IDisposable
{
    private readonly UnixSocket _agent;

    public TestProcess(TestSite site, string guest, uint version = AgentPacket.CurrentVersion)
    {
        _agent = Connect(site.AgentSocket(guest));
        Send(new AgentPacket { Type = AgentMessage.Attach, Version = version, Pid = 4711 });
        Span<AgentPacket> answer = stackalloc AgentPacket[1];
        Span<int> descriptors = stackalloc int[UnixSocket.MaxDescriptors];
        Assert.Equal(AgentPacket.ByteSize, _agent.TryReceive(MemoryMarshal.AsBytes(answer), descriptors, out var count, wait: true));
        Answer = answer[0];
        Descriptors = count;
        for (var i = 0; i < count; i++)
            new UnixSocket(descriptors[i]).Dispose();
    }

    public AgentPacket Answer { get; }

    /// <summary>How many descriptors came with the answer.</summary>
    public int Descriptors { get; }

    public int Channel => (int)Answer.Channel;

    /// <summary>Gives the agent end B of a socket's pair; what is returned is end A, which the application holds.</summary>
    public unsafe UnixSocket Register(GuestSocket socket)
    {
        var ends = stackalloc int[2];
        Assert.Equal(0, SocketPair(1, 1 | 0x800 | 0x80000, 0, ends));
        using var b = new UnixSocket(ends[1]);
        var packet = new AgentPacket { Type = AgentMessage.Register, Slot = (uint)socket.Slot, ConnectionId = socket.ConnectionId };
        Assert.Equal(AgentPacket.ByteSize, _agent.TrySend(MemoryMarshal.AsBytes(new ReadOnlySpan<AgentPacket>(in packet)), [ends[1]]));
        return new UnixSocket(ends[0]);
    }

    public void Send(AgentPacket packet) =>
        Assert.Equal(AgentPacket.ByteSize, _agent.TrySend(MemoryMarshal.AsBytes(new ReadOnlySpan<AgentPacket>(in packet)), []));

    /// <summary>Waits until end A has something to say: a count of bytes, or 0 when it is hung up.</summary>
    public static int AwaitReadable(UnixSocket end)
    {
        var buffer = new byte[16];
        var received = -11;
        WorkerHarness.Until(() => (received = end.TryReceive(buffer, [], out _)) != -11);
        return received;
    }

    /// <summary>Waits for the agent to end the connection.</summary>
    public int AwaitEnd() => AwaitReadable(_agent);

    public void Dispose() => _agent.Dispose();

    // The agent's file is there from its bind on, and it listens a moment later.
    private static UnixSocket Connect(string path)
    {
        UnixSocket? socket = null;
        WorkerHarness.Until(() =>
        {
            try
            {
                socket = UnixSocket.Connect(path, packets: true);
            }
            catch (NativeFailure)
            {
                return false;
            }

            return true;
        });
        return socket!;
    }

    [LibraryImport("libc", EntryPoint = "socketpair")]
    private static unsafe partial int SocketPair(int domain, int type, int protocol, int* ends);
}
