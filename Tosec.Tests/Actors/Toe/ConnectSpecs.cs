using System.Net;
using System.Net.Sockets;
using Tosec.Actors.Chains;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Toe;

[Collection(SiteCollection.Name)]
public sealed class ConnectSpecs
{
    private const int EACCES = 13, EINVAL = 22, EAFNOSUPPORT = 97, EADDRNOTAVAIL = 99, ECONNRESET = 104, EISCONN = 106,
        ECONNREFUSED = 111, EHOSTUNREACH = 113;

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 0)]
    [InlineData(false, 1)]
    [InlineData(true, 2)]
    public void Connecting_carries_both_directions_and_the_ends_behind_them(bool ipv6, int svms)
    {
        using var site = Site(svms);
        using var listener = OutsidePeer.Listen(ipv6 ? IPAddress.IPv6Loopback : null);
        var socket = site.Guest.Socket(ipv6);
        Assert.Equal(0, socket.Connect(listener.LocalEndPoint!));
        using var peer = OutsidePeer.Guard(listener.Accept());

        Assert.Equal(peer.RemoteEndPoint, socket.Local);
        Assert.Equal(ipv6 ? IPAddress.IPv6Loopback : site.AddressOf(), socket.Local.Address);
        Assert.Equal(listener.LocalEndPoint, socket.State.Remote.ToEndPoint());
        var there = OutsidePeer.Pattern(300_000, 1);
        var back = OutsidePeer.Pattern(200_000, 2);
        Task.Run(() =>
        {
            socket.Send(there);
            socket.Finish();
        });
        Assert.Equal(there, peer.Read());
        Task.Run(() =>
        {
            peer.Send(back);
            peer.Shutdown(SocketShutdown.Send);
        });
        Assert.Equal(back, socket.ReadToEnd().Bytes);
        socket.Close();
    }

    [Fact]
    public void The_peer_may_end_its_stream_and_still_be_sent_to()
    {
        using var site = Site(2);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        peer.SendText("request");
        peer.Shutdown(SocketShutdown.Send);
        Assert.Equal("request", System.Text.Encoding.ASCII.GetString(socket.ReadToEnd().Bytes));
        socket.Send("answer");
        socket.Finish();
        Assert.Equal("answer", peer.ReadText());
        peer.Dispose();
    }

    [Fact]
    public void Closing_sends_what_was_sent_before_it()
    {
        using var site = Site(2);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var bytes = OutsidePeer.Pattern(100_000, 3);
        Assert.True(socket.Send(bytes));
        socket.Close();
        Assert.Equal(bytes, peer.Read());
        peer.Dispose();
        site.AwaitClean("alice");
    }

    [Fact]
    public void A_reset_by_the_peer_comes_behind_its_data()
    {
        using var site = Site(2);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        peer.SendText("before");
        Assert.Equal("before", socket.ReadText(6));
        peer.LingerState = new LingerOption(true, 0);
        peer.Close();
        Assert.Equal(ECONNRESET, socket.ReadToEnd().Error);
    }

    [Fact]
    public void A_refused_connect_fails_with_its_errno_and_may_be_tried_again()
    {
        using var site = Site(1);
        using var listener = OutsidePeer.Listen();
        using var unused = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        unused.Bind(new IPEndPoint(OutsidePeer.Address, 0));
        var socket = site.Guest.Socket();
        Assert.Equal(-ECONNREFUSED, socket.Connect(unused.LocalEndPoint!));
        Assert.Equal(StreamStatus.Failed, socket.Status);
        Assert.Equal(-ECONNREFUSED, socket.Connect(unused.LocalEndPoint!));
        Assert.Equal(0, socket.Connect(listener.LocalEndPoint!));
        Assert.Equal(-EISCONN, socket.Connect(listener.LocalEndPoint!));
    }

    [Fact]
    public void What_the_policy_denies_is_EACCES()
    {
        using var listener = OutsidePeer.Listen();
        var port = (ushort)((IPEndPoint)listener.LocalEndPoint!).Port;
        using var site = new TestSite(new TestSiteOptions
        {
            Rules = [new PolicyRule { Direction = PolicyDirection.Outgoing, Ports = new PortRange(port, port) }],
        });
        Assert.Equal(-EACCES, site.Guest.Socket().Connect(listener.LocalEndPoint!));
        Assert.Equal(1, site.Report("tovm").Denied);
    }

    [Fact]
    public void Without_an_instance_of_its_SVM_a_blocking_chain_refuses()
    {
        using var site = Site(2);
        using var listener = OutsidePeer.Listen();
        site.StopSvm(1);
        Assert.Equal(-EHOSTUNREACH, site.Guest.Socket().Connect(listener.LocalEndPoint!));
    }

    [Fact]
    public void Without_an_instance_of_its_SVM_a_bypassing_chain_goes_on_with_the_others()
    {
        var engines = new[] { new TestEngine("a"), new TestEngine("b") };
        using var site = new TestSite(new TestSiteOptions { Engines = engines, OnFailure = FailurePolicy.Bypass });
        site.StopSvm(1);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("hello");
        Assert.Equal("hello", peer.ReadText(5));
        Assert.Equal(5, engines[0].Opened.Single().Bytes);
        Assert.Empty(engines[1].Opened);
        peer.Dispose();
    }

    [Fact]
    public void Only_the_guests_own_addresses_can_be_bound()
    {
        using var site = Site(0);
        Assert.Equal(-EADDRNOTAVAIL, site.Guest.Socket().Bind(new IPEndPoint(OutsidePeer.Address, 0)));
        Assert.Equal(-EADDRNOTAVAIL, site.Guest.Socket(ipv6: true).Bind(new IPEndPoint(OutsidePeer.Address.MapToIPv6(), 0)));
        Assert.Equal(-EAFNOSUPPORT, site.Guest.Socket().Bind(new IPEndPoint(IPAddress.IPv6Loopback, 0)));
        var socket = site.Guest.Socket();
        Assert.Equal(0, socket.Bind(new IPEndPoint(site.AddressOf(), 0)));
        Assert.NotEqual(0, socket.Local.Port);
        Assert.Equal(-EINVAL, socket.Bind(new IPEndPoint(site.AddressOf(), 0)));
    }

    private static TestSite Site(int svms) => new(new TestSiteOptions { Engines = [.. Enumerable.Range(0, svms).Select(i => new TestEngine($"t{i}"))] });
}
