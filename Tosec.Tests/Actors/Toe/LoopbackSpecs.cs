using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Actors.Toe;

/// <summary>127.0.0.1 and ::1 of a guest are the guest.</summary>
[Collection(SiteCollection.Name)]
public sealed class LoopbackSpecs
{
    private const int EACCES = 13, EINVAL = 22, EADDRINUSE = 98, EADDRNOTAVAIL = 99, ECONNREFUSED = 111;
    private const int SOL_SOCKET = 1, SO_REUSEADDR = 2, SO_REUSEPORT = 15, IPPROTO_TCP = 6, IPPROTO_IPV6 = 41, IPV6_V6ONLY = 26;

    [Theory]
    [InlineData("127.0.0.1", "127.0.0.1")]
    [InlineData("::1", "::1")]
    [InlineData("::ffff:127.0.0.1", "::ffff:127.0.0.1")]
    [InlineData("0.0.0.0", "127.0.0.1")]
    [InlineData("::", "::1")]
    public async Task A_guest_reaches_itself_by_the_names_it_used(string bound, string reached)
    {
        using var site = Site();
        var address = IPAddress.Parse(bound);
        var listener = Socket(site, address);
        var local = listener.ListenOn(address);
        Assert.Equal(address, local.Address);
        Assert.NotEqual(0, local.Port);
        // To connect to the unspecified address is to connect to loopback.
        var client = Socket(site, address);
        Assert.Equal(0, client.Connect(local));
        var server = listener.Accept();
        Assert.Equal(IPAddress.Parse(reached), client.State.Remote.ToEndPoint()!.Address);
        Assert.Equal(IPAddress.Parse(reached), client.Local.Address);
        Assert.Equal(client.Local, server.State.Remote.ToEndPoint());
        Assert.Equal(client.State.Remote.ToEndPoint(), server.Local);

        var there = OutsidePeer.Pattern(300_000, 1);
        var sending = Task.Run(() =>
        {
            client.Send(there);
            client.Finish();
        });
        Assert.Equal(there, server.ReadToEnd().Bytes);
        server.Send("answer");
        server.Finish();
        Assert.Equal("answer", client.ReadText(6));
        await sending.WaitAsync(TosecProcess.Patience);
        Assert.Equal((4, 0), client.GetOption(IPPROTO_TCP, 1));
    }

    [Fact]
    public void Nobody_listening_is_a_refusal_and_so_is_a_listener_that_is_gone()
    {
        using var site = Site();
        var listener = site.Guest.Socket();
        var local = listener.ListenOn(IPAddress.Loopback);
        Assert.Equal(0, site.Guest.Socket().Connect(local));
        Assert.Equal(-EADDRINUSE, site.Guest.Socket().Bind(local));
        listener.Close();
        // Once its slot is free the kernel has closed it.
        WorkerHarness.Until(() => !listener.IsMine);
        Assert.Equal(-ECONNREFUSED, site.Guest.Socket().Connect(local));
        var again = site.Guest.Socket();
        Assert.Equal(0, again.SetOption(SOL_SOCKET, SO_REUSEADDR, 1));
        Assert.Equal(0, again.Bind(local));
    }

    [Fact]
    public void A_wildcard_serves_the_guests_own_addresses_and_its_loopback_with_one_port()
    {
        using var site = Site();
        for (var i = 0; i < 20; i++)
        {
            var listener = site.Guest.Socket(ipv6: i % 2 == 0);
            var port = listener.ListenOn(i % 2 == 0 ? IPAddress.IPv6Any : IPAddress.Any).Port;
            Assert.NotEqual(0, port);
            Assert.Equal(0, site.Guest.Socket().Connect(new IPEndPoint(IPAddress.Loopback, port)));
            listener.Accept().Close();
            using var outside = OutsidePeer.Connect(new IPEndPoint(site.AddressOf(), port));
            listener.Accept().Close();
            Assert.Equal(i % 2 == 0 ? 0 : -ECONNREFUSED, site.Guest.Socket(ipv6: true).Connect(new IPEndPoint(IPAddress.IPv6Loopback, port)));
            if (i % 2 == 0)
                listener.Accept().Close();
            listener.Close();
        }
    }

    [Fact]
    public void A_wildcard_for_IPv6_only_is_not_reached_at_127_0_0_1()
    {
        using var site = Site();
        var listener = site.Guest.Socket(ipv6: true);
        Assert.Equal(0, listener.SetOption(IPPROTO_IPV6, IPV6_V6ONLY, 1));
        var port = listener.ListenOn(IPAddress.IPv6Any).Port;
        Assert.Equal((4, 1), listener.GetOption(IPPROTO_IPV6, IPV6_V6ONLY));
        Assert.Equal(-ECONNREFUSED, site.Guest.Socket().Connect(new IPEndPoint(IPAddress.Loopback, port)));
        Assert.Equal(0, site.Guest.Socket(ipv6: true).Connect(new IPEndPoint(IPAddress.IPv6Loopback, port)));
        Assert.Equal((4, 1), listener.Accept().GetOption(IPPROTO_IPV6, IPV6_V6ONLY));

        var mapped = site.Guest.Socket(ipv6: true);
        Assert.Equal(0, mapped.SetOption(IPPROTO_IPV6, IPV6_V6ONLY, 1));
        Assert.Equal(-EINVAL, mapped.Bind(new IPEndPoint(IPAddress.Loopback.MapToIPv6(), 0)));
    }

    [Fact]
    public void Guests_listen_on_one_port_each_on_its_own_loopback_and_address_and_neither_takes_the_others()
    {
        using var site = Site();
        var (alice, bob) = (site.Guest, site.GuestOf("bob"));
        var aliceListens = alice.Socket();
        Share(aliceListens);
        var port = aliceListens.ListenOn(IPAddress.Any).Port;
        Assert.Equal(-ECONNREFUSED, bob.Socket().Connect(new IPEndPoint(IPAddress.Loopback, port)));

        // Every way to say alice's addresses, on a port that may be shared.
        foreach (var address in new[] { site.AddressOf("alice"), site.AddressOf("alice").MapToIPv6(), StandIn(port), StandIn(port).MapToIPv6() })
        {
            var thief = bob.Socket(ipv6: address.AddressFamily == AddressFamily.InterNetworkV6);
            Share(thief);
            Assert.Equal(-EADDRNOTAVAIL, thief.Bind(new IPEndPoint(address, port)));
        }

        var bobListens = bob.Socket();
        Share(bobListens);
        Assert.Equal(0, bobListens.Bind(new IPEndPoint(IPAddress.Any, port)));
        Assert.Equal(0, bobListens.Listen());
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(0, alice.Socket().Connect(new IPEndPoint(IPAddress.Loopback, port)));
            aliceListens.Accept().Close();
            Assert.Equal(0, bob.Socket().Connect(new IPEndPoint(IPAddress.Loopback, port)));
            bobListens.Accept().Close();
            using var toAlice = OutsidePeer.Connect(new IPEndPoint(site.AddressOf("alice"), port));
            aliceListens.Accept().Close();
            using var toBob = OutsidePeer.Connect(new IPEndPoint(site.AddressOf("bob"), port));
            bobListens.Accept().Close();
        }

        Assert.False(aliceListens.HasEntry);
        Assert.False(bobListens.HasEntry);

        static void Share(GuestSocket socket)
        {
            Assert.Equal(0, socket.SetOption(SOL_SOCKET, SO_REUSEADDR, 1));
            Assert.Equal(0, socket.SetOption(SOL_SOCKET, SO_REUSEPORT, 1));
        }
    }

    [Fact]
    public void Nobody_else_gets_in()
    {
        using var site = Site();
        var listener = site.Guest.Socket();
        var port = listener.ListenOn(IPAddress.Loopback).Port;
        var standIn = StandIn(port);
        foreach (var guest in new[] { site.GuestOf("bob"), site.Guest })
        {
            Assert.Equal(-EACCES, guest.Socket().Connect(new IPEndPoint(standIn, port)));
            Assert.Equal(-EACCES, guest.Socket(ipv6: true).Connect(new IPEndPoint(standIn.MapToIPv6(), port)));
            Assert.Equal(-EACCES, guest.Socket(ipv6: true).Connect(new IPEndPoint(new IPAddress(standIn.MapToIPv6().GetAddressBytes(), 3), port)));
        }

        using (var process = OutsidePeer.Connect(new IPEndPoint(standIn, port)))
            Assert.Equal(SocketError.ConnectionReset, process.ReadError());
        Assert.False(listener.HasEntry);
        using var world = OutsidePeer.Listen(IPAddress.Loopback);
        Assert.Equal(-ECONNREFUSED, site.Guest.Socket().Connect(world.LocalEndPoint!));
    }

    [Fact]
    public void A_guests_loopback_is_not_the_TOVMs()
    {
        using var site = Site();
        using var server = OutsidePeer.Listen(IPAddress.Any);
        using var sixth = OutsidePeer.Listen(IPAddress.IPv6Any);
        foreach (var port in new[] { server, sixth }.Select(s => ((IPEndPoint)s.LocalEndPoint!).Port))
        {
            foreach (var address in new[] { "127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0", "::1%1", "::ffff:127.0.0.1%1" })
            {
                var target = IPAddress.Parse(address);
                Assert.Equal(-ECONNREFUSED, Socket(site, target).Connect(new IPEndPoint(target, port)));
            }
        }

        Assert.False(server.Poll(0, SelectMode.SelectRead) || sixth.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public void What_is_bound_to_loopback_does_not_get_out()
    {
        using var site = Site();
        using var world = OutsidePeer.Listen();
        var socket = site.Guest.Socket();
        Assert.Equal(0, socket.Bind(new IPEndPoint(IPAddress.Loopback, 0)));
        Assert.Equal(-EINVAL, socket.Connect(world.LocalEndPoint!));
        Assert.False(world.Poll(0, SelectMode.SelectRead));
    }

    [Fact]
    public void A_socket_bound_to_everything_reaches_its_guest_from_the_port_it_has()
    {
        using var site = Site();
        var listener = site.Guest.Socket();
        var local = listener.ListenOn(IPAddress.Loopback);
        var socket = site.Guest.Socket();
        Assert.Equal(0, socket.Bind(new IPEndPoint(IPAddress.Any, 0)));
        var port = socket.Local.Port;
        Assert.Equal(0, socket.Connect(local));
        Assert.Equal(port, listener.Accept().State.Remote.ToEndPoint()!.Port);
    }

    [Fact]
    public void A_dual_stack_socket_connects_to_IPv4_from_the_guests_IPv4_address()
    {
        using var site = Site();
        using var world = OutsidePeer.Listen();
        var socket = site.Guest.Socket(ipv6: true);
        var target = (IPEndPoint)world.LocalEndPoint!;
        Assert.Equal(0, socket.Connect(new IPEndPoint(target.Address.MapToIPv6(), target.Port)));
        using var peer = world.Accept();
        Assert.Equal(site.AddressOf(), ((IPEndPoint)peer.RemoteEndPoint!).Address);
    }

    // What the kernel has in the place of a guest's 127.0.0.1, which the guest cannot see and an attacker may guess.
    private static IPAddress StandIn(int port) => File.ReadLines("/proc/net/tcp").Skip(1)
        .Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1].Split(':'))
        .Where(name => Convert.ToInt32(name[1], 16) == port)
        .Select(name => new IPAddress(BitConverter.GetBytes(uint.Parse(name[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture))))
        .First(address => address.GetAddressBytes() is [127, 255, ..]);

    private static GuestSocket Socket(TestSite site, IPAddress address) =>
        site.Guest.Socket(ipv6: address.AddressFamily == AddressFamily.InterNetworkV6);

    private static TestSite Site() => new(new TestSiteOptions { Guests = ["alice", "bob"], IPv6 = false });
}
