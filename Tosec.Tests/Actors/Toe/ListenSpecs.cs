using System.Net;
using System.Net.Sockets;
using Tosec.Actors.Chains;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Toe;

[Collection(SiteCollection.Name)]
public sealed class ListenSpecs
{
    private const int EINVAL = 22, EMFILE = 24, ENOPROTOOPT = 92;
    private const int SOL_SOCKET = 1, IPPROTO_TCP = 6, IPPROTO_IPV6 = 41;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Accepted_connections_carry_both_directions(bool ipv6)
    {
        using var site = Site(2);
        var listener = site.Guest.Socket(ipv6);
        var endPoint = listener.ListenOn(ipv6 ? IPAddress.IPv6Loopback : site.AddressOf());
        using var peer = OutsidePeer.Connect(endPoint);
        var socket = listener.Accept();
        Assert.Equal(peer.LocalEndPoint, socket.State.Remote.ToEndPoint());
        Assert.Equal(endPoint, socket.Local);
        peer.SendText("request");
        Assert.Equal("request", socket.ReadText(7));
        socket.Send("answer");
        socket.Finish();
        Assert.Equal("answer", peer.ReadText());
        peer.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, socket.ReadToEnd().Error);
        Assert.Equal(1, site.Report("tovm").Accepts);
    }

    [Fact]
    public void An_IPv6_wildcard_listens_for_IPv4_too()
    {
        using var site = Site(0);
        var listener = site.Guest.Socket(ipv6: true);
        listener.ListenOn(IPAddress.IPv6Any);
        foreach (var address in new[] { site.AddressOf(), IPAddress.IPv6Loopback })
        {
            using var peer = OutsidePeer.Connect(new IPEndPoint(address, listener.Local.Port));
            var socket = listener.Accept();
            Assert.Equal(6u, socket.State.Family);
            peer.SendText("x");
            Assert.Equal("x", socket.ReadText(1));
        }
    }

    [Fact]
    public void An_IPv6_wildcard_for_IPv6_only_does_not()
    {
        using var site = Site(0);
        var listener = site.Guest.Socket(ipv6: true);
        Assert.Equal(0, listener.SetOption(IPPROTO_IPV6, 26, 1));
        Assert.Equal(0, listener.Bind(new IPEndPoint(IPAddress.IPv6Any, 0)));
        Assert.Equal(0, listener.Listen());
        var refused = Assert.Throws<SocketException>(() => OutsidePeer.Connect(new IPEndPoint(site.AddressOf(), listener.Local.Port)));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);
    }

    [Fact]
    public void What_the_policy_denies_is_reset_and_never_seen_by_the_guest()
    {
        using var site = new TestSite(new TestSiteOptions { Rules = [new PolicyRule { Direction = PolicyDirection.Incoming }] });
        var listener = site.Guest.Socket();
        using var peer = OutsidePeer.Connect(listener.ListenOn(site.AddressOf()));
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        Assert.False(listener.HasEntry);
        Assert.Equal(1, site.Report("tovm").Denied);
    }

    [Fact]
    public void Connections_that_nobody_accepted_end_with_their_listener()
    {
        using var site = Site(1);
        var listener = site.Guest.Socket();
        using var peer = OutsidePeer.Connect(listener.ListenOn(site.AddressOf()));
        peer.SendText("anybody there?");
        WorkerHarness.Until(() => listener.HasEntry);
        listener.Close();
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        site.AwaitClean("alice");
    }

    [Fact]
    public void More_connections_wait_than_a_ring_holds_and_none_is_lost()
    {
        using var site = new TestSite(new TestSiteOptions { Geometry = Small with { Streams = 256 } });
        var listener = site.Guest.Socket();
        var endPoint = listener.ListenOn(site.AddressOf());
        Assert.Equal(0, listener.Listen(128));
        var peers = Enumerable.Range(0, 100).Select(_ => OutsidePeer.Connect(endPoint)).ToArray();
        WorkerHarness.Until(() => Volatile.Read(ref listener.State.Starved) != 0);
        var ports = peers.Select(_ =>
        {
            var socket = listener.Accept();
            socket.Close();
            return socket.State.Remote.Port;
        }).ToHashSet();
        Assert.Equal(100, ports.Count);
        foreach (var peer in peers)
            peer.Dispose();
    }

    [Fact]
    public void A_listener_that_is_shut_down_refuses()
    {
        using var site = Site(0);
        var listener = site.Guest.Socket();
        var endPoint = listener.ListenOn(site.AddressOf());
        Assert.Equal(0, listener.Channel.Call(RpcMethod.Shutdown, listener.Slot, []).Result);
        Assert.Equal(EINVAL, listener.AwaitAbort());
        Assert.Throws<SocketException>(() => OutsidePeer.Connect(endPoint));
    }

    [Fact]
    public void Options_are_the_kernels_or_refused()
    {
        using var site = Site(1);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        Assert.Equal(0, socket.SetOption(IPPROTO_TCP, 1, 1));
        Assert.Equal((4, 1), socket.GetOption(IPPROTO_TCP, 1));
        Assert.Equal(0, socket.SetOption(IPPROTO_TCP, 4, 77));
        Assert.Equal((4, 77), socket.GetOption(IPPROTO_TCP, 4));
        // SO_BINDTODEVICE, SO_MARK, IP_TRANSPARENT, and one that no kernel has.
        Assert.Equal(-ENOPROTOOPT, socket.SetOption(SOL_SOCKET, 25, "lo\0\0"u8));
        Assert.Equal(-ENOPROTOOPT, socket.SetOption(SOL_SOCKET, 36, 1));
        Assert.Equal(-ENOPROTOOPT, socket.SetOption(0, 19, 1));
        Assert.Equal(-ENOPROTOOPT, socket.SetOption(12345, 1, 1));
        Assert.Equal(-ENOPROTOOPT, socket.GetOption(SOL_SOCKET, 36).Result);
        // The kernel's own refusal comes through: a TTL of 300.
        Assert.Equal(-EINVAL, socket.SetOption(0, 2, 300));
        peer.Dispose();
    }

    [Fact]
    public void Options_of_a_listener_are_its_own()
    {
        using var site = Site(0);
        var listener = site.Guest.Socket();
        listener.ListenOn(site.AddressOf());
        Assert.Equal(0, listener.SetOption(SOL_SOCKET, 9, 1));
        Assert.Equal((4, 1), listener.GetOption(SOL_SOCKET, 9));
    }

    [Fact]
    public void When_the_slots_run_out_it_is_EMFILE_and_all_come_back()
    {
        using var site = Site(0);
        for (var round = 0; round < 2; round++)
        {
            var sockets = new List<GuestSocket>();
            long result;
            while ((result = site.Guest.TrySocket(false, 1, out var socket)) == 0)
                sockets.Add(socket!);
            Assert.Equal(-EMFILE, result);
            Assert.Equal(site.Memory().Geometry.Streams, sockets.Count);
            Assert.Equal(sockets.Count, sockets.Select(s => s.ConnectionId).Distinct().Count());
            sockets.ForEach(s => s.Close());
            site.AwaitClean("alice");
        }
    }

    private static GuestGeometry Small => new TestSiteOptions().Geometry;

    private static TestSite Site(int svms) => new(new TestSiteOptions { Engines = [.. Enumerable.Range(0, svms).Select(i => new TestEngine($"t{i}"))] });
}
