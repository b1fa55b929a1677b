using System.Runtime.InteropServices;
using Akka.Event;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Actors.Agent;

/// <summary>
/// The guest's agent: hands channels to the processes of the guest, keeps end B of each socket, makes end A ready when its stream is,
/// and cleans up after who is gone. It and the processes are one domain of trust: the guest's. Worker's thread.
/// </summary>
internal sealed class GuestAgent : IEventSource, ITicker, IDisposable
{
    private readonly IGuestAttachment _attachment;
    private readonly GuestMemory _memory;
    private readonly WorkerLoop _loop;
    private readonly ILoggingAdapter _log;
    private readonly string _socketPath;
    private readonly UnixSocket _listener;
    private readonly EndPair?[] _pairs;
    private readonly ProcessConnection?[] _channels;
    private readonly HashSet<ProcessConnection> _connections = [];
    private readonly List<int> _leaving = [];
    private ulong _session;
    private ulong _tovmIncarnation;

    public GuestAgent(IGuestAttachment attachment, string socketPath, UnixFileMode mode, WorkerLoop loop, ILoggingAdapter log)
    {
        _attachment = attachment;
        _memory = attachment.Memory;
        _loop = loop;
        _log = log;
        _pairs = new EndPair?[_memory.Geometry.Streams];
        _channels = new ProcessConnection?[_memory.Geometry.Channels];
        _session = (ulong)Environment.TickCount64 << 20;
        _tovmIncarnation = Volatile.Read(ref _memory.EdgeParty(Party.Tovm).Incarnation);
        Lanes = new AgentLanes(attachment, Look);
        _socketPath = socketPath;
        _listener = UnixSocket.Listen(socketPath, packets: true, mode);
        CloseLeftOvers();
    }

    public AgentLanes Lanes { get; }

    public int Descriptor => _listener.Descriptor;

    /// <summary>Processes that have a channel.</summary>
    public int Processes => _connections.Count(c => c.Channel != 0);

    /// <summary>Sockets whose other end an application holds.</summary>
    public int Sockets { get; private set; }

    /// <summary>Times that an application's descriptor was made readable.</summary>
    public long Signals { get; private set; }

    /// <summary>A process wants to attach.</summary>
    public void OnReady(uint events)
    {
        while (_listener.Accept() is { } socket)
        {
            var connection = new ProcessConnection(socket, OnProcess);
            _connections.Add(connection);
            _loop.Register(connection, EventMask.Readable);
        }
    }

    public void OnTick(long nowMilliseconds)
    {
        _memory.EdgeParty(Party.Guest).Heartbeat++;
        for (var i = _leaving.Count - 1; i >= 0; i--)
        {
            if (Lanes.IsDrained(_leaving[i]))
            {
                _channels[_leaving[i]] = null;
                _leaving.RemoveAt(i);
            }
        }

        var tovm = Volatile.Read(ref _memory.EdgeParty(Party.Tovm).Incarnation);
        if (tovm == _tovmIncarnation)
            return;
        _tovmIncarnation = tovm;
        // The TOE is gone, and with it every connection: whoever waits is told, not left hanging.
        foreach (var pair in _pairs)
        {
            if (pair is null)
                continue;
            TellEnd(pair);
            // For the TOE that comes next: it frees the slot when it hears that nobody holds it.
            CloseSlot(pair.Slot, pair.ConnectionId);
        }
    }

    public void Dispose()
    {
        _loop.Unregister(this);
        foreach (var connection in _connections)
        {
            _loop.Unregister(connection);
            connection.Socket.Dispose();
        }

        foreach (var pair in _pairs)
        {
            if (pair is null)
                continue;
            _loop.Unregister(pair);
            pair.End.Dispose();
        }

        _listener.Dispose();
        File.Delete(_socketPath);
    }

    private void OnProcess(ProcessConnection connection)
    {
        Span<byte> bytes = stackalloc byte[AgentPacket.ByteSize + 1];
        Span<int> descriptors = stackalloc int[1];
        while (true)
        {
            var received = connection.Socket.TryReceive(bytes, descriptors, out var count);
            if (received == -Errnos.EAGAIN)
                return;
            if (received <= 0)
            {
                Leave(connection);
                return;
            }

            var end = count == 1 ? new UnixSocket(descriptors[0]) : null;
            var packet = MemoryMarshal.Read<AgentPacket>(bytes);
            if (received == AgentPacket.ByteSize && packet.Type == AgentMessage.Attach && end is null && connection.Channel == 0)
            {
                if (!Attach(connection, packet))
                {
                    Leave(connection);
                    return;
                }
            }
            else if (received == AgentPacket.ByteSize && packet.Type == AgentMessage.Register && end is not null
                && connection.Channel != 0 && packet.Slot < _pairs.Length)
            {
                RegisterPair(end, packet);
            }
            else
            {
                end?.Dispose();
                _log.Warning("process {0} sent the agent {1} bytes of type {2}, which mean nothing here; it is disconnected",
                    connection.Pid, received, packet.Type);
                Leave(connection);
                return;
            }
        }
    }

    private bool Attach(ProcessConnection connection, AgentPacket packet)
    {
        connection.Pid = (int)packet.Pid;
        var channel = packet.Version != AgentPacket.CurrentVersion ? -1 : Array.FindIndex(_channels, 1, c => c is null);
        var reply = new AgentPacket { Type = AgentMessage.Refused, Version = AgentPacket.CurrentVersion };
        if (channel < 1)
        {
            // EPROTO, EMFILE
            reply.Error = packet.Version != AgentPacket.CurrentVersion ? 71u : 24u;
            _log.Warning("process {0} gets no channel: {1}", packet.Pid,
                reply.Error == 71 ? $"it speaks version {packet.Version}, the agent {AgentPacket.CurrentVersion}" : "all are taken (tosec.host.guests.*.channels)");
            _ = connection.Socket.TrySend(MemoryMarshal.AsBytes(new ReadOnlySpan<AgentPacket>(in reply)), []);
            return false;
        }

        ref var header = ref _memory.Channel(channel);
        header.Pid = packet.Pid;
        header.Session = ++_session;
        header.Sleeping = 0;
        reply.Type = AgentMessage.Attached;
        reply.Channel = (uint)channel;
        reply.Session = _session;
        var (edge, receive) = _attachment.Descriptors;
        var descriptors = new List<int> { edge.Descriptor, receive.Descriptor, _attachment.Doorbells[channel].Descriptor };
        for (var p = 0; p < Party.Count; p++)
        {
            var bell = p == Party.Guest ? _attachment.Doorbells[0] : _attachment.EdgeDoorbell(p, 0);
            if (bell is not null)
            {
                reply.Parties |= 1u << p;
                descriptors.Add(bell.Descriptor);
            }
            else if (_attachment.Registers is not null && _attachment.Exists(p))
            {
                reply.ByRegister |= 1u << p;
            }
        }

        if (_attachment.Registers is { } registers && reply.ByRegister != 0)
        {
            reply.Link = (uint)registers.Link.Of(Party.Guest).Value;
            descriptors.Add(registers.Page.Descriptor);
        }

        _channels[channel] = connection;
        connection.Channel = channel;
        return connection.Socket.TrySend(MemoryMarshal.AsBytes(new ReadOnlySpan<AgentPacket>(in reply)),
            CollectionsMarshal.AsSpan(descriptors)) == AgentPacket.ByteSize;
    }

    private void RegisterPair(UnixSocket end, AgentPacket packet)
    {
        var slot = (int)packet.Slot;
        if (_pairs[slot] is { } stale)
            Forget(stale);
        var pair = new EndPair(end, slot, packet.ConnectionId, OnHangUp);
        _pairs[slot] = pair;
        Sockets++;
        _memory.Cursor(slot).Channel = 0;
        _loop.Register(pair, EventMask.Error);
        Look(slot);
    }

    /// <summary>Brings end A in line with its stream.</summary>
    private void Look(int slot)
    {
        if (slot >= _pairs.Length || _pairs[slot] is not { } pair)
            return;
        ref var state = ref _memory.State(slot);
        ref var cursor = ref _memory.Cursor(slot);
        if (state.ConnectionId != pair.ConnectionId)
        {
            TellEnd(pair);
            return;
        }

        // Acquire: pairs with the last hop's and the TOE's release.
        var status = Volatile.Read(ref state.Status);
        var tail = Volatile.Read(ref state.ReceiveTail);
        var readable = tail != Volatile.Read(ref cursor.ReceiveHead) || state.ClosedRead != 0
            || status is (uint)StreamStatus.Failed or (uint)StreamStatus.Aborted;
        if (readable && Volatile.Read(ref cursor.ReadableToken) == 0)
        {
            Volatile.Write(ref cursor.ReadableToken, 1);
            pair.Signal();
            Signals++;
        }

        var credit = Volatile.Read(ref state.SendLimit) - cursor.SendPosition;
        if (status != pair.SeenStatus && status is (uint)StreamStatus.Connected or (uint)StreamStatus.Failed or (uint)StreamStatus.Aborted)
        {
            pair.SeenStatus = status;
            cursor.WantWrite = 0;
            pair.Drain();
        }
        else if (Volatile.Read(ref cursor.WantWrite) != 0
            && ((credit >= GuestGeometry.SmallBuffer && credit < long.MaxValue) || status == (uint)StreamStatus.Failed))
        {
            Volatile.Write(ref cursor.WantWrite, 0);
            pair.Drain();
        }

        if (!pair.ToldEnd && (state.ClosedRead != 0 || EndsWithFin(slot, tail)))
        {
            pair.ToldEnd = true;
            _ = pair.End.ShutdownWrite();
        }
    }

    private unsafe bool EndsWithFin(int slot, ulong tail) =>
        tail != 0 && _memory.Ring(slot)[(tail - 1) & (GuestGeometry.RingEntries - 1)].Kind
            is (uint)ReceiveEntryKind.Fin or (uint)ReceiveEntryKind.Reset;

    // Readers and writers alike must wake, whatever they wait for: only the hang-up of B does that. Nobody is left to be told of A's.
    private void TellEnd(EndPair pair) => Forget(pair);

    /// <summary>The last reference to end A is gone, by whatever process: the stream out ends, and the TOE is told.</summary>
    private void OnHangUp(EndPair pair)
    {
        Forget(pair);
        CloseSlot(pair.Slot, pair.ConnectionId);
    }

    private void CloseSlot(int slot, ulong connectionId)
    {
        ref var state = ref _memory.State(slot);
        ref var cursor = ref _memory.Cursor(slot);
        if (state.ConnectionId != connectionId)
            return;
        if (state.Status == (uint)StreamStatus.Connected && Interlocked.Exchange(ref cursor.FinSent, 1) == 0)
        {
            Lanes.Send((int)(state.FirstHop & 7), new Descriptor
            {
                Opcode = Opcode.Fin,
                Slot = (uint)slot,
                StreamId = connectionId,
                Sequence = Volatile.Read(ref cursor.SendSequence),
            });
        }

        Lanes.Send(Party.Tovm, new Descriptor { Opcode = Opcode.Close, Slot = (uint)slot, StreamId = connectionId });
    }

    private void Forget(EndPair pair)
    {
        _pairs[pair.Slot] = null;
        Sockets--;
        _loop.Unregister(pair);
        pair.End.Dispose();
    }

    /// <summary>A process is gone. What it sent is still taken; what it made and handed to nobody is closed.</summary>
    private void Leave(ProcessConnection connection)
    {
        _loop.Unregister(connection);
        connection.Socket.Dispose();
        _connections.Remove(connection);
        if (connection.Channel == 0)
            return;
        _memory.Channel(connection.Channel).Pid = 0;
        _leaving.Add(connection.Channel);
        for (var slot = 0; slot < _pairs.Length; slot++)
        {
            var id = _memory.State(slot).ConnectionId;
            if (id != 0 && _pairs[slot] is null && _memory.Cursor(slot).Channel == (uint)connection.Channel)
                CloseSlot(slot, id);
        }
    }

    // Sockets of an agent before us: their other ends died with it.
    private void CloseLeftOvers()
    {
        for (var slot = 0; slot < _pairs.Length; slot++)
        {
            var id = _memory.State(slot).ConnectionId;
            if (id != 0)
                CloseSlot(slot, id);
        }
    }
}
