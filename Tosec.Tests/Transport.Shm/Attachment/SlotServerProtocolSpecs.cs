using System.Buffers.Binary;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Transport.Shm.Attachment;

/// <summary>The bytes that a peer is sent are those of QEMU's ivshmem-server protocol, whoever the peer is.</summary>
public sealed class SlotServerProtocolSpecs : IDisposable
{
    private readonly GuestHost _host = new();

    public void Dispose() => _host.Dispose();

    [Theory]
    [InlineData(SegmentKind.Edge, "tovm-node", 1, "0,0,0,2,4,1")]
    [InlineData(SegmentKind.Edge, "guest-node", 0, "1,2,4,0,0,0")]
    [InlineData(SegmentKind.Receive, "guest-node", 0, "1,2,4,0")]
    [InlineData(SegmentKind.Core, "ips-node", 4, "1,2,4")]
    public void A_peer_is_sent_version_id_memory_the_others_vectors_and_its_own_last(SegmentKind link, string node, int id, string vectors)
    {
        using var peer = UnixSocket.Connect(_host.SocketOf(link, node), packets: false);

        Assert.Equal((0L, false), Next(peer));
        Assert.Equal((Number(link, id), false), Next(peer));
        Assert.Equal((-1L, true), Next(peer));
        foreach (var vector in vectors.Split(',').Select(long.Parse))
            Assert.Equal((Number(link, (int)vector), true), Next(peer));
        // Nothing follows, now and when others come and go.
        using (ProcessAttachment.Connect(_host.RunDirectory, _host.Identity.Name, "waf-node", trusted: true))
            Assert.Equal(-11, peer.TryReceive(new byte[8], new int[1], out _));
        GuestHost.Until(() => _host.Changes.Contains((2, false)), "the other has gone");
        Assert.Equal(-11, peer.TryReceive(new byte[8], new int[1], out _));
    }

    [Fact]
    public void The_descriptors_are_the_memory_and_doorbells_that_ring()
    {
        using var tovm = ProcessAttachment.Connect(_host.RunDirectory, _host.Identity.Name, "tovm-node", trusted: true);
        using var peer = UnixSocket.Connect(_host.SocketOf(SegmentKind.Edge, "waf-node"), packets: false);
        Assert.Equal(0, Receive(peer, out _, out _));
        Assert.Equal(Number(SegmentKind.Edge, 2), Receive(peer, out _, out _));
        Receive(peer, out _, out var memory);
        using var descriptor = new MemoryDescriptor(memory);
        Assert.Equal(_host.Geometry.SegmentBytes(SegmentKind.Edge), descriptor.Length);
        using var mapping = MappedMemory.Map(descriptor, descriptor.Length, writable: true);

        for (var i = 0; i < 3 + 1; i++)
        {
            var id = Receive(peer, out _, out var bell);
            using var doorbell = new EventFd(bell);
            if (id == Number(SegmentKind.Edge, Party.Tovm))
                doorbell.Ring();
        }

        GuestHost.Until(() => ((IGuestAttachment)tovm).Doorbells[0].Drain() > 0, "the doorbell rings");
    }

    [Fact]
    public void Every_message_is_eight_bytes_little_endian()
    {
        using var peer = UnixSocket.Connect(_host.SocketOf(SegmentKind.Core, "ips-node"), packets: false);
        var bytes = new List<byte>();
        var descriptors = 0;
        var one = new byte[1];
        var room = new int[1];

        // A byte at a time, so that nothing depends on how the client cuts.
        for (var i = 0; i < 6 * 8; i++)
        {
            Assert.Equal(1, peer.TryReceive(one, room, out var count, wait: true));
            bytes.AddRange(one);
            descriptors += count;
            if (count == 1)
            {
                Assert.Equal(0, i % 8);
                new MemoryDescriptor(room[0]).Dispose();
            }
        }

        Assert.Equal(Convert.FromHexString(
            "0000000000000000" + "BC00000000000000" + "FFFFFFFFFFFFFFFF" + "B900000000000000" + "BA00000000000000" + "BC00000000000000"), bytes);
        Assert.Equal(4, descriptors);
    }

    [Fact]
    public void A_second_peer_of_a_slot_is_sent_nothing()
    {
        using var first = UnixSocket.Connect(_host.SocketOf(SegmentKind.Core, "ips-node"), packets: false);
        Assert.Equal((0L, false), Next(first));
        using var second = UnixSocket.Connect(_host.SocketOf(SegmentKind.Core, "ips-node"), packets: false);

        Assert.Equal(0, second.TryReceive(new byte[8], new int[1], out _, wait: true));

        Assert.Equal((Number(SegmentKind.Core, 4), false), Next(first));
    }

    [Fact]
    public void A_peer_that_reads_late_is_sent_everything_even_with_the_most_vectors()
    {
        using var host = new GuestHost(SharedGuest.Small with { Channels = GuestGeometry.MaxChannels });
        using var peer = UnixSocket.Connect(host.SocketOf(SegmentKind.Edge, "tovm-node"), packets: false);
        GuestHost.Until(() => host.Changes.Contains((Party.Tovm, true)), "all of it is sent");

        for (var i = 0; i < 3 + GuestGeometry.MaxChannels + 3; i++)
            Next(peer);
        Assert.Equal(-11, peer.TryReceive(new byte[8], new int[1], out _));
    }

    [Fact]
    public void Peers_that_connect_and_go_at_once_leave_the_slot_free()
    {
        for (var i = 0; i < 100; i++)
            UnixSocket.Connect(_host.SocketOf(SegmentKind.Edge, "waf-node"), packets: false).Dispose();

        using var waf = ProcessAttachment.Connect(_host.RunDirectory, _host.Identity.Name, "waf-node", trusted: true);

        Assert.Equal(2, waf.Party);
    }

    private long Number(SegmentKind link, int party) => new LinkNumber(_host.Identity.Number, link, party).Value;

    private static (long Value, bool Descriptor) Next(UnixSocket peer)
    {
        var value = Receive(peer, out var count, out var descriptor);
        if (count == 1)
            new MemoryDescriptor(descriptor).Dispose();
        return (value, count == 1);
    }

    private static long Receive(UnixSocket peer, out int count, out int descriptor)
    {
        var message = new byte[8];
        var room = new int[1];
        Assert.Equal(8, peer.TryReceive(message, room, out count, wait: true));
        descriptor = count == 1 ? room[0] : -1;
        return BinaryPrimitives.ReadInt64LittleEndian(message);
    }
}
