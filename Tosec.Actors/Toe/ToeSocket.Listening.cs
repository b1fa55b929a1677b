using System.Net;
using Tosec.Actors.Chains;
using Tosec.Actors.Inspection;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <content>Listening: the kernel's listeners, and the ring that the guest accepts from.</content>
internal sealed partial class ToeSocket
{
    // Connections that wait in a listener's ring for an accept; the kernel keeps the others.
    private const ulong MaxAccepted = GuestGeometry.RingEntries - 16;

    private int _backlog;
    private Tosec.Transport.Shm.Rings.ReceiveRingWriter _acceptRing;
    private bool _acceptRingMade;

    private int Listen(int backlog)
    {
        _backlog = backlog is < 1 or > 4096 ? 4096 : backlog;
        // Listening again changes the backlog, as Linux has it.
        if (Status == StreamStatus.Listening)
            return _listeners.Select(listener => listener.Socket.Listen(_backlog)).Append(0).Min();
        if (Socket is not { } socket || Status != StreamStatus.Created)
            return -Errno.EINVAL;
        if (_asked is null && Bind(new IPEndPoint(IsIPv6 ? IPAddress.IPv6Any : IPAddress.Any, 0)) is < 0 and var refused)
            return refused;
        // Its own last: without the others it would listen where nobody accepts.
        var result = _others.Append(socket).Select(s => s.Listen(_backlog)).FirstOrDefault(r => r < 0);
        if (result < 0)
        {
            CloseOthers();
            return result;
        }

        _listeners.AddRange(_others.Select(other => new ToeSource(other, _toe.Dispatcher)));
        _others.Clear();
        _bound.ForEach(_toe.Loopback.Add);
        _listeners.Insert(0, _source!);
        if (!_acceptRingMade)
        {
            _acceptRing = _toe.Port.Memory.RingWriter(Slot);
            _acceptRingMade = true;
        }

        Status = StreamStatus.Listening;
        foreach (var listener in _listeners)
        {
            listener.Actor = Actor;
            _toe.Dispatcher.Loop.Register(listener, EventMask.Readable | EventMask.EdgeTriggered);
        }

        _source = null;
        return 0;
    }

    private void Accept(ToeSource listener)
    {
        while (Status == StreamStatus.Listening)
        {
            ref var state = ref State;
            var head = Volatile.Read(ref _toe.Port.Memory.Cursor(Slot).ReceiveHead);
            if (state.ReceiveTail - head >= MaxAccepted)
            {
                // As for payloads: the guest is asked to tell when it has taken some, then looked at once more.
                Volatile.Write(ref state.Starved, 1);
                Interlocked.MemoryBarrier();
                head = Volatile.Read(ref _toe.Port.Memory.Cursor(Slot).ReceiveHead);
                if (state.ReceiveTail - head >= MaxAccepted)
                    return;
            }

            state.Starved = 0;
            var socket = listener.Socket.Accept(out var errno);
            if (socket is null)
            {
                // ECONNABORTED: that one has given up, others may wait.
                if (errno is 103 or 4)
                    continue;
                if (errno is Errno.EMFILE or 23)
                    _toe.Worker.ReadOnNextTick(this);
                return;
            }

            Welcome(socket);
        }
    }

    private void Welcome(KernelSocket socket)
    {
        var local = socket.LocalEndPoint;
        var remote = socket.RemoteEndPoint;
        var chain = local is null || remote is null ? null : ChainOf(local, remote);
        var path = chain is null ? null : _toe.Worker.Resolve(chain);
        var accepted = path is null ? null : _toe.Worker.Make(IsIPv6);
        if (accepted is null)
        {
            _toe.Counters.Denied++;
            socket.ResetOnClose();
            socket.Dispose();
            return;
        }

        _toe.Counters.Accepts++;
        accepted.Own(socket);
        // As the kernel socket has it from its listener.
        accepted._resetOnClose = _resetOnClose;
        accepted._v6Only = _v6Only;
        accepted.Establish(chain!, path!, StreamDirection.Incoming, _toe.Loopback.ToGuest(local!), _toe.Loopback.ToGuest(remote!));
        _acceptRing.Publish(ReceiveEntryKind.Accepted, accepted.ConnectionId, (uint)accepted.Slot);
        _toe.Port.NotifyAgent(Slot);
        _toe.Dispatcher.Loop.Register(accepted._source!, SocketEvents);
    }

    private ChainDefinition? ChainOf(IPEndPoint local, IPEndPoint remote)
    {
        // The guest's loopback is for the guest, whoever else can reach the TOVM's.
        if (_toe.Loopback.Owns(local.Address))
            return _toe.Loopback.Owns(remote.Address) || IsOwn(remote.Address) ? GuestLoopback.Chain : null;
        return _toe.Settings.Policy.DecideIncoming(_toe.Settings.Guest, _toe.Settings.Tenant, remote.Address, local.Port).Chain;
    }

    // Nobody can accept any more what waits in the ring, so nobody would ever close it. Where the guest lies about its position, these
    // are its own connections all the same.
    private unsafe void CloseUnaccepted()
    {
        if (!_acceptRingMade)
            return;
        var tail = State.ReceiveTail;
        var waiting = Math.Min(tail - Volatile.Read(ref _toe.Port.Memory.Cursor(Slot).ReceiveHead), Math.Min(tail, GuestGeometry.RingEntries));
        for (; waiting > 0; waiting--)
        {
            var entry = _toe.Port.Memory.Ring(Slot)[(tail - waiting) & (GuestGeometry.RingEntries - 1)];
            _toe.Worker.Abandon(entry.Length, entry.Offset);
        }
    }

    private void CloseListeners()
    {
        CloseOthers();
        if (_listeners.Count > 0)
            _bound.ForEach(_toe.Loopback.Remove);
        foreach (var listener in _listeners)
        {
            _toe.Dispatcher.Loop.Unregister(listener);
            listener.Socket.Dispose();
        }

        _listeners.Clear();
    }
}
