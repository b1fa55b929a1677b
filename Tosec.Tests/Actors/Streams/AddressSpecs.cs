using Tosec.Actors.Inspection;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Tests.Actors.Streams;

/// <summary>A payload is copied when it is sealed, and nowhere else between the guest and the kernel: its addresses prove it.</summary>
[Collection(SiteCollection.Name)]
public sealed class AddressSpecs
{
    [Fact]
    public unsafe void What_goes_out_lies_in_one_sealed_buffer_from_the_first_hop_to_the_kernel()
    {
        var engines = Recorders();
        using var site = new TestSite(new TestSiteOptions { Engines = engines });
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        // The peer does not read: the TOE keeps what the kernel has no room for, where it was sealed.
        var pool = site.Memory().SealedPool;
        var payload = OutsidePeer.Pattern(GuestGeometry.LargeBuffer, 5);
        var payloads = 0;
        while (!TestSite.InUse(pool).ContainsKey(Party.Tovm) || !Owned(pool).All(b => b.Party == Party.Tovm) || Owned(pool).Length < 2)
        {
            payload[0] = (byte)payloads;
            if (socket.TrySend(payload))
                payloads++;
        }

        WorkerHarness.Until(() => engines.All(e => e.Opened.Single().Seen.Count == payloads) && Owned(pool).All(b => b.Party == Party.Tovm));
        var offsets = engines.Select((e, i) => e.Opened.Single().Seen
            .Select(s => (long)(s.Address - Base(site.Attachment($"svm-{i}").Memory.SealedPool))).ToArray()).ToArray();
        Assert.Equal(offsets[0], offsets[1]);
        Assert.Equal(payloads * (long)GuestGeometry.LargeBuffer, site.Report("svm-0").SealedBytes);
        Assert.Equal(0, site.Report("svm-1").SealedBytes);
        Assert.Equal(0, site.Report("tovm").SealedBytes);
        // What the TOE has now are the last payloads, at the same offsets.
        var atToe = Owned(pool);
        Assert.Equal(offsets[0][^atToe.Length..].Order(), atToe.Select(b => (long)b.Offset).Order());

        // And the kernel is given those very bytes: what is changed there now is what the peer reads.
        var last = offsets[0][^1];
        pool.View((ulong)last, 1)[0] = 0xEE;
        var received = peer.Read(payloads * GuestGeometry.LargeBuffer);
        Assert.Equal(0xEE, received[^GuestGeometry.LargeBuffer]);
        Assert.Equal(payload[1..], received[^(GuestGeometry.LargeBuffer - 1)..]);
        peer.Dispose();
    }

    [Fact]
    public unsafe void What_comes_in_lies_in_one_receive_buffer_from_the_kernel_to_the_guest()
    {
        var engines = Recorders();
        using var site = new TestSite(new TestSiteOptions { Engines = engines });
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        for (var n = 0; n < 5; n++)
        {
            peer.Send(OutsidePeer.Pattern(1000, n));
            WorkerHarness.Until(() => socket.HasEntry);
            var entry = socket.Peek();
            Assert.Equal((uint)ReceiveEntryKind.Data, entry.Kind);
            Assert.Equal(OutsidePeer.Pattern(1000, n), socket.Bytes(entry).ToArray());
            for (var i = 0; i < engines.Length; i++)
            {
                var seen = engines[i].Opened.Single().Seen.Last();
                Assert.Equal(StreamDirection.Incoming, seen.Direction);
                Assert.Equal((long)entry.Offset, seen.Address - Base(site.Attachment($"svm-{i}").Memory.ReceivePool));
            }

            // One buffer holds it, and it is the guest's.
            var buffer = Assert.Single(Owned(site.Memory().ReceivePool));
            Assert.Equal((entry.Offset, Party.Guest), (buffer.Offset, buffer.Party));
            socket.Advance();
            WorkerHarness.Until(() => Owned(site.Memory().ReceivePool).Length == 0);
        }

        peer.Dispose();
    }

    [Fact]
    public void A_payload_cannot_be_changed_once_it_is_inspected()
    {
        var engines = new[] { new TestEngine("a") { OnInspect = TestEngine.HoldUntil((byte)'.') }, new TestEngine("b") };
        using var site = new TestSite(new TestSiteOptions { Engines = engines });
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("harmless");
        WorkerHarness.Until(() => engines[0].Opened.Sum(i => i.Bytes) == 8);
        for (var buffer = 0; buffer < 4; buffer++)
            socket.Channel.Buffer(buffer).Fill((byte)'!');
        socket.Send(".");
        Assert.Equal("harmless.", peer.ReadText(9));
        peer.Dispose();
    }

    private static TestEngine[] Recorders() => [.. new[] { "a", "b" }.Select(type => new TestEngine(type)
    {
        OnInspect = static (inspector, direction, payload) =>
        {
            inspector.Remember(direction, payload);
            return Verdict.Pass;
        },
    })];

    private static unsafe nint Base(SharedPool pool)
    {
        fixed (byte* first = pool.View(0, 1))
            return (nint)first;
    }

    // Offsets follow from the index as the pool lays them out.
    private static (ulong Offset, int Party)[] Owned(SharedPool pool)
    {
        var owned = new List<(ulong, int)>();
        for (var i = 0; i < pool.Count; i++)
        {
            var owner = pool.Owner(i);
            if (!owner.Free)
                owned.Add((pool.OffsetOf(i), owner.Party));
        }

        return [.. owned];
    }
}
