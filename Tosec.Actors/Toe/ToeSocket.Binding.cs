using System.Net;
using System.Net.Sockets;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <content>
/// Binding. A wildcard means the guest's own addresses and its loopback, never the TOVM's, so it takes a kernel socket for each of them:
/// the socket's own for the first, and others.
/// </content>
internal sealed partial class ToeSocket
{
    // Ports that are free on the first address and taken on another, before we give up.
    private const int PortAttempts = 32;

    private readonly List<KernelSocket> _others = [];
    private IPEndPoint? _asked;

    private bool IsBoundToLoopback => _bound.Count > 0 && _toe.Loopback.Owns(_bound[0].Address);

    private int Bind(IPEndPoint? endPoint)
    {
        if (endPoint is null || Socket is not { } socket || _asked is not null)
            return -Errno.EINVAL;
        if (endPoint.AddressFamily == AddressFamily.InterNetworkV6 != IsIPv6)
            return -Errno.EAFNOSUPPORT;
        var addresses = LocalAddresses(endPoint.Address);
        if (addresses.Count == 0)
            return -Errno.EADDRNOTAVAIL;
        AllowStandIn(socket, addresses[0]);
        var result = BindAll(socket, addresses, endPoint.Port);
        if (result < 0)
            return result;
        var port = socket.LocalEndPoint?.Port ?? endPoint.Port;
        _asked = new IPEndPoint(endPoint.Address, port);
        _bound.AddRange(addresses.Select(a => new IPEndPoint(a, port)));
        State.Local = SharedAddress.From(_asked);
        return 0;
    }

    // A socket can be bound once only. So where the port is the kernel's to choose, the others are bound first, and made anew when the
    // port that one of them was given is taken on another address.
    private int BindAll(KernelSocket own, List<IPAddress> addresses, int asked)
    {
        for (var attempt = 0; ; attempt++)
        {
            var port = asked;
            var result = BindOthers(own, addresses, ref port);
            if (result >= 0)
                result = own.Bind(new IPEndPoint(addresses[0], port));
            if (result >= 0)
                return 0;
            CloseOthers();
            if (asked != 0 || result != -Errno.EADDRINUSE || attempt == PortAttempts)
                return result;
        }
    }

    private int BindOthers(KernelSocket own, List<IPAddress> addresses, ref int port)
    {
        const int SO_REUSEADDR = 2, SO_REUSEPORT = 15;
        for (var i = 1; i < addresses.Count; i++)
        {
            if (KernelSocket.Create(IsIPv6, out var errno) is not { } socket)
                return -errno;
            _others.Add(socket);
            Copy(own, socket, SO_REUSEADDR);
            Copy(own, socket, SO_REUSEPORT);
            var result = socket.Bind(new IPEndPoint(addresses[i], port));
            if (result < 0)
                return result;
            port = socket.LocalEndPoint?.Port ?? port;
        }

        return 0;
    }

    private static void Copy(KernelSocket from, KernelSocket to, int option)
    {
        Span<byte> value = stackalloc byte[sizeof(int)];
        if (from.GetOption(SocketOptions.SOL_SOCKET, option, value) == sizeof(int))
            _ = to.SetOption(SocketOptions.SOL_SOCKET, option, value);
    }

    private void CloseOthers()
    {
        foreach (var socket in _others)
            socket.Dispose();
        _others.Clear();
    }

    // What stands for ::1 is an IPv4 address to the kernel, which a socket for IPv6 only would not take. What the guest has set is
    // answered from _v6Only, and kept to by what we bind.
    private void AllowStandIn(KernelSocket socket, IPAddress address)
    {
        if (_v6Only && _toe.Loopback.IsForIPv6(address))
            _ = socket.SetOption(SocketOptions.IPPROTO_IPV6, SocketOptions.IPV6_V6ONLY, 0);
    }

    // The guest's own addresses that an address asked for means; an IPv4 one in the form that an IPv6 socket binds to.
    private List<IPAddress> LocalAddresses(IPAddress asked)
    {
        if (!asked.Equals(IPAddress.Any) && !asked.Equals(IPAddress.IPv6Any))
            return _toe.Loopback.StandInFor(asked) is { } standIn ? [standIn] : IsOwn(asked) ? [asked] : [];
        return [.. _toe.Settings.Addresses
            .Where(a => !IsIPv6 ? a.AddressFamily == AddressFamily.InterNetwork : a.AddressFamily == AddressFamily.InterNetworkV6 || !_v6Only)
            .Select(a => IsIPv6 ? a.MapToIPv6() : a), .. _toe.Loopback.StandIns(IsIPv6, _v6Only)];
    }

    // Of the family that the connection will have, which on an IPv6 socket may be IPv4.
    private IPAddress? SourceAddress(IPAddress remote)
    {
        var family = remote.IsIPv4MappedToIPv6 ? AddressFamily.InterNetwork : remote.AddressFamily;
        var source = _toe.Settings.Addresses.FirstOrDefault(a => a.AddressFamily == family);
        return IsIPv6 ? source?.MapToIPv6() : source;
    }

    private bool IsOwn(IPAddress address) =>
        _toe.Settings.Addresses.Any(a => a.Equals(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address));
}
