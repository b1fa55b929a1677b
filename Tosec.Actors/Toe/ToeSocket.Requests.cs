using System.Net;
using System.Net.Sockets;
using Tosec.Actors.Inspection;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <content>Requests of the guest: bind, listen, connect, options.</content>
internal sealed partial class ToeSocket
{
    private const uint SocketEvents = EventMask.Readable | EventMask.Writable | EventMask.PeerClosed | EventMask.EdgeTriggered;

    // Connections that wait in a listener's ring for an accept; the kernel keeps the others.
    private const ulong MaxAccepted = GuestGeometry.RingEntries - 16;

    private IPEndPoint? _asked;
    private int _backlog;
    private bool _v6Only;
    private bool _watched;
    private Tosec.Transport.Shm.Rings.ReceiveRingWriter _acceptRing;
    private bool _acceptRingMade;

    /// <summary>Handles a request and answers it.</summary>
    public void OnCall(RpcCall call)
    {
        switch (call.Method)
        {
            case RpcMethod.Bind when call.TryRead<SharedAddress>(out var address):
                call.Answer(Bind(address.ToEndPoint()));
                break;
            case RpcMethod.Listen when call.TryRead<int>(out var backlog):
                call.Answer(Listen(backlog));
                break;
            case RpcMethod.Connect when call.TryRead<SharedAddress>(out var address):
                call.Answer(Connect(address.ToEndPoint()));
                break;
            case RpcMethod.SetOption when call.TryRead<RpcOption>(out var option):
                call.Answer(SetOption(option, call.Request[RpcOption.ByteSize..]));
                break;
            case RpcMethod.GetOption when call.TryRead<RpcOption>(out var option):
                GetOption(call, option);
                break;
            case RpcMethod.Shutdown:
                call.Answer(ShutdownRead());
                break;
            default:
                call.Answer(-Errno.EINVAL);
                break;
        }
    }

    private int Bind(IPEndPoint? endPoint)
    {
        if (endPoint is null || Socket is not { } socket || _asked is not null)
            return -Errno.EINVAL;
        if (endPoint.AddressFamily == AddressFamily.InterNetworkV6 != IsIPv6)
            return -Errno.EAFNOSUPPORT;
        var addresses = LocalAddresses(endPoint.Address);
        if (addresses.Count == 0)
            return -Errno.EADDRNOTAVAIL;
        var result = socket.Bind(new IPEndPoint(addresses[0], endPoint.Port));
        if (result < 0)
            return result;
        var port = socket.LocalEndPoint?.Port ?? endPoint.Port;
        _asked = new IPEndPoint(endPoint.Address, port);
        _bound.AddRange(addresses.Select(a => new IPEndPoint(a, port)));
        State.Local = SharedAddress.From(_asked);
        return 0;
    }

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

    private int Connect(IPEndPoint? remote)
    {
        switch (Status)
        {
            case StreamStatus.Connecting:
                return -Errno.EALREADY;
            case StreamStatus.Connected:
                return -Errno.EISCONN;
            case StreamStatus.Created or StreamStatus.Failed:
                break;
            default:
                return -Errno.EINVAL;
        }

        if (remote is null || Socket is not { } socket)
            return -Errno.EINVAL;
        if (remote.AddressFamily == AddressFamily.InterNetworkV6 != IsIPv6)
            return -Errno.EAFNOSUPPORT;
        var decision = _toe.Settings.Policy.DecideOutgoing(_toe.Settings.Guest, _toe.Settings.Tenant, remote);
        if (decision.Chain is null)
        {
            _toe.Counters.Denied++;
            return -Errno.EACCES;
        }

        if (_toe.Worker.Resolve(decision.Chain) is null)
            return -Errno.EHOSTUNREACH;
        _chain = decision.Chain;
        if (_asked is null && SourceAddress() is { } source)
        {
            // The port is chosen at connect, so that two connections may share one.
            _ = socket.SetOption(0, 24, 1);
            if (socket.Bind(new IPEndPoint(source, 0)) is < 0 and var refused)
                return refused;
        }

        var result = socket.Connect(remote);
        // The kernel answers the first connect after a failed one with the end of that one.
        if (result == -103 && Status == StreamStatus.Failed)
            result = socket.Connect(remote);
        if (result is < 0 and not -Errno.EINPROGRESS)
            return result;
        _toe.Counters.Connects++;
        _peerEndPoint = remote;
        State.Remote = SharedAddress.From(remote);
        Status = StreamStatus.Connecting;
        // Not before: a socket that is neither connected nor connecting reports a hang-up.
        if (!_watched)
        {
            _watched = true;
            _toe.Dispatcher.Loop.Register(_source!, SocketEvents);
        }

        return 0;
    }

    private void OnConnected()
    {
        var error = Socket!.TakeError();
        if (error == 0 && Socket.RemoteEndPoint is { } remote && Socket.LocalEndPoint is { } local)
        {
            if (_toe.Worker.Resolve(_chain!) is { } path)
            {
                Establish(_chain!, path, StreamDirection.Outgoing, local, remote);
                Read(peerClosed: true);
                return;
            }

            error = Errno.EHOSTUNREACH;
        }
        else if (error == 0)
        {
            // An edge before the attempt has ended.
            return;
        }

        State.Error = (uint)error;
        Status = StreamStatus.Failed;
        _toe.Port.NotifyAgent(Slot);
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
        accepted.Establish(decision.Chain!, path!, StreamDirection.Incoming, local!, remote!);
        _acceptRing.Publish(ReceiveEntryKind.Accepted, accepted.ConnectionId, (uint)accepted.Slot);
        _toe.Port.NotifyAgent(Slot);
        _toe.Dispatcher.Loop.Register(accepted._source!, SocketEvents);
    }

    private int ShutdownRead()
    {
        if (Status == StreamStatus.Listening)
        {
            CloseListeners();
            TellGuestOfAbort(Errno.EINVAL);
        }

        return 0;
    }

    private int SetOption(RpcOption option, ReadOnlySpan<byte> value)
    {
        if (option.Length > value.Length)
            return -Errno.EINVAL;
        if (!SocketOptions.MaySet(option.Level, option.Name))
            return -Errno.ENOPROTOOPT;
        var socket = Socket ?? _listeners.FirstOrDefault()?.Socket;
        if (socket is null)
            return -Errno.EINVAL;
        value = value[..(int)option.Length];
        var result = socket.SetOption(option.Level, option.Name, value);
        if (result >= 0 && option is { Level: SocketOptions.IPPROTO_IPV6, Name: SocketOptions.IPV6_V6ONLY } && value.Length >= 4)
            _v6Only = BitConverter.ToInt32(value) != 0;
        return result;
    }

    private void GetOption(RpcCall call, RpcOption option)
    {
        Span<byte> value = stackalloc byte[128];
        var socket = Socket ?? _listeners.FirstOrDefault()?.Socket;
        var result = !SocketOptions.MayGet(option.Level, option.Name) ? -Errno.ENOPROTOOPT
            : socket is null ? -Errno.EINVAL
            : socket.GetOption(option.Level, option.Name, value[..(int)Math.Min(option.Length, (uint)value.Length)]);
        call.Answer(result, 0, result > 0 ? value[..result] : default);
    }

    // The guest's own addresses that an address asked for means; an IPv4 one in the form that an IPv6 socket binds to.
    private List<IPAddress> LocalAddresses(IPAddress asked)
    {
        if (!asked.Equals(IPAddress.Any) && !asked.Equals(IPAddress.IPv6Any))
            return _toe.Settings.Addresses.Any(a => a.Equals(asked.IsIPv4MappedToIPv6 ? asked.MapToIPv4() : asked)) ? [asked] : [];
        return [.. _toe.Settings.Addresses
            .Where(a => !IsIPv6 ? a.AddressFamily == AddressFamily.InterNetwork : a.AddressFamily == AddressFamily.InterNetworkV6 || !_v6Only)
            .Select(a => IsIPv6 ? a.MapToIPv6() : a)];
    }

    private IPAddress? SourceAddress() => LocalAddresses(IsIPv6 ? IPAddress.IPv6Any : IPAddress.Any)
        .FirstOrDefault(a => !IsIPv6 || !a.IsIPv4MappedToIPv6);
}
