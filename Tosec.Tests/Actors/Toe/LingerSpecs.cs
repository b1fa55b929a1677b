using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Actors.Toe;

[Collection(SiteCollection.Name)]
public sealed class LingerSpecs
{
    private const int SOL_SOCKET = 1, SO_LINGER = 13;

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_close_with_a_linger_of_0_resets(int svms)
    {
        using var site = Site(svms);
        for (var round = 0; round < 10; round++)
        {
            var (socket, peer) = OutsidePeer.Connect(site.Guest);
            Linger(socket, 1, 0);
            Assert.True(socket.Send("there"));
            Assert.Equal("there", peer.ReadText(5));
            socket.Close();
            Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
            peer.Dispose();
            site.AwaitClean("alice");
        }
    }

    [Fact]
    public void The_application_closes_its_end_and_the_peer_sees_a_reset()
    {
        using var site = Site(2, agents: true);
        using var process = new TestProcess(site, "alice");
        for (var round = 0; round < 10; round++)
        {
            var (socket, peer) = OutsidePeer.Connect(site.Guest, process.Channel);
            var end = process.Register(socket);
            Linger(socket, 1, 0);
            end.Dispose();
            Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
            peer.Dispose();
            site.AwaitClean("alice");
        }
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(1, 5)]
    public void Any_other_linger_closes_in_order(int on, int seconds)
    {
        using var site = Site(1);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        Linger(socket, 1, 0);
        Linger(socket, on, seconds);
        Assert.True(socket.Send("there"));
        socket.Close();
        Assert.Equal("there", peer.ReadText());
        peer.Dispose();
    }

    [Fact]
    public void A_shutdown_without_a_close_still_sends_its_end_and_the_close_resets()
    {
        using var site = Site(1);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        Linger(socket, 1, 0);
        Assert.True(socket.Send("there"));
        socket.Finish();
        Assert.Equal("there", peer.ReadText());
        peer.SendText("and back");
        Assert.Equal("and back", socket.ReadText(8));
        socket.Close();
        site.AwaitClean("alice");
        // An orderly end would let the peer send once more.
        Assert.Throws<SocketException>(() => peer.SendText("x"));
        peer.Dispose();
    }

    [Fact]
    public void An_accepted_connection_has_its_listeners_linger()
    {
        using var site = Site(1);
        var listener = site.Guest.Socket();
        Linger(listener, 1, 0);
        using var peer = OutsidePeer.Connect(listener.ListenOn(site.AddressOf()));
        var accepted = listener.Accept();
        accepted.Close();
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
    }

    private static void Linger(GuestSocket socket, int on, int seconds)
    {
        ReadOnlySpan<int> linger = [on, seconds];
        Assert.Equal(0, socket.SetOption(SOL_SOCKET, SO_LINGER, MemoryMarshal.AsBytes(linger)));
    }

    private static TestSite Site(int svms, bool agents = false) => new(new TestSiteOptions
    {
        Engines = [.. Enumerable.Range(0, svms).Select(i => new TestEngine($"t{i}"))],
        Agents = agents,
    });
}
