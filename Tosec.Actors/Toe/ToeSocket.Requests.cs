using System.Net;
using System.Net.Sockets;
using Tosec.Actors.Inspection;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <content>Requests of the guest: connect, shut down.</content>
internal sealed partial class ToeSocket
{
    private const uint SocketEvents = EventMask.Readable | EventMask.Writable | EventMask.PeerClosed | EventMask.EdgeTriggered;

    private bool _v6Only;
    private bool _watched;

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
        var target = remote;
        var standIn = _toe.Loopback.StandInForDestination(remote.Address);
        if (standIn is not null)
            target = new IPEndPoint(standIn, remote.Port);
        var refused = standIn is not null ? ChooseLoopback(target) : ChooseChain(remote);
        if (refused < 0)
            return refused;
        if (_asked is null && (standIn ?? SourceAddress(remote.Address)) is { } source)
        {
            AllowStandIn(socket, source);
            // The port is chosen at connect, so that two connections may share one.
            _ = socket.SetOption(0, 24, 1);
            refused = socket.Bind(new IPEndPoint(source, 0));
            if (refused < 0)
                return refused;
        }

        CloseOthers();
        var result = socket.Connect(target);
        // What the kernel ends a failed attempt with, when asked for the next one; the one after it begins.
        if (result == -Errno.ECONNABORTED && Status == StreamStatus.Failed)
            result = socket.Connect(target);
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

    private int ChooseChain(IPEndPoint remote)
    {
        // As in the kernel: what is bound to loopback does not get out.
        if (IsBoundToLoopback)
            return -Errno.EINVAL;
        var decision = GuestLoopback.IsStandIn(remote.Address)
            ? default
            : _toe.Settings.Policy.DecideOutgoing(_toe.Settings.Guest, _toe.Settings.Tenant, remote);
        if (decision.Chain is null)
        {
            _toe.Counters.Denied++;
            return -Errno.EACCES;
        }

        if (_toe.Worker.Resolve(decision.Chain) is null)
            return -Errno.EHOSTUNREACH;
        _chain = decision.Chain;
        return 0;
    }

    private int ChooseLoopback(IPEndPoint standIn)
    {
        // Not the kernel's to say: a server of the TOVM's may listen there, on all addresses.
        if (!_toe.Loopback.IsListening(standIn))
            return -Errno.ECONNREFUSED;
        _chain = GuestLoopback.Chain;
        return 0;
    }

    private void OnConnected()
    {
        var error = Socket!.TakeError();
        if (error == 0 && Socket.RemoteEndPoint is { } remote && Socket.LocalEndPoint is { } local)
        {
            if (_toe.Worker.Resolve(_chain!) is { } path)
            {
                Establish(_chain!, path, StreamDirection.Outgoing, _toe.Loopback.ToGuest(local), _toe.Loopback.ToGuest(remote));
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

    private int ShutdownRead()
    {
        if (Status == StreamStatus.Listening)
        {
            CloseListeners();
            TellGuestOfAbort(Errno.EINVAL);
        }
        else if (_receive is { } receive && !_discarding && !_guestClosed && !_aborted)
        {
            // The end comes behind what is on its way through the chain; what the kernel still has is not received for the guest.
            _discarding = true;
            receive.Finish(0);
            Read(peerClosed: true);
        }

        return 0;
    }
}
