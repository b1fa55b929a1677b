using System.Net;
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
        var result = socket.Listen(_backlog);
        if (result < 0)
            return result;
        // The first address is the socket's own; a wildcard listens on the guest's other addresses by sockets of their own.
        foreach (var endPoint in _bound.Skip(1))
        {
            result = ListenToo(endPoint);
            if (result < 0)
            {
                CloseListeners();
                return result;
            }
        }

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

    private int ListenToo(IPEndPoint endPoint)
    {
        var socket = KernelSocket.Create(IsIPv6, out var errno);
        if (socket is null)
            return -errno;
        _ = socket.SetOption(SocketOptions.SOL_SOCKET, 2, 1);
        var result = socket.Bind(endPoint);
        if (result >= 0)
            result = socket.Listen(_backlog);
        if (result < 0)
            socket.Dispose();
        else
            _listeners.Add(new ToeSource(socket, _toe.Dispatcher));
        return result;
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
        var decision = local is null || remote is null
            ? default
            : _toe.Settings.Policy.DecideIncoming(_toe.Settings.Guest, _toe.Settings.Tenant, remote.Address, local.Port);
        var path = decision.Chain is null ? null : _toe.Worker.Resolve(decision.Chain);
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
        accepted.Establish(decision.Chain!, path!, StreamDirection.Incoming, local!, remote!);
        _acceptRing.Publish(ReceiveEntryKind.Accepted, accepted.ConnectionId, (uint)accepted.Slot);
        _toe.Port.NotifyAgent(Slot);
        _toe.Dispatcher.Loop.Register(accepted._source!, SocketEvents);
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
        foreach (var listener in _listeners)
        {
            _toe.Dispatcher.Loop.Unregister(listener);
            listener.Socket.Dispose();
        }

        _listeners.Clear();
    }
}
