using System.Security.Cryptography;
using Akka.Actor;
using Tosec.Actors.Inspection;
using Tosec.Actors.Streams;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Streams;

[Collection(SiteCollection.Name)]
public sealed class CreditSpecs
{
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_peer_that_does_not_read_ends_the_guests_credit_and_nothing_is_lost(int svms)
    {
        using var site = Site(svms);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        using var sum = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var sent = 0L;
        var random = new Random(11);
        var payload = new byte[GuestGeometry.LargeBuffer];
        // Until the kernel and the window are full: then no credit comes any more, whatever happens.
        while (socket.Credit >= payload.Length || Moves(site, socket))
        {
            random.NextBytes(payload);
            if (!socket.TrySend(payload))
                continue;
            sum.AppendData(payload);
            sent += payload.Length;
        }

        Assert.InRange(Owned(site), 1, Window(site));
        Assert.False(socket.TrySend(payload));
        using var received = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var read = 0L;
        while (read < sent)
        {
            var bytes = peer.Read((int)Math.Min(sent - read, 1 << 20));
            received.AppendData(bytes);
            read += bytes.Length;
        }

        Assert.Equal(sum.GetHashAndReset(), received.GetHashAndReset());
        WorkerHarness.Until(() => socket.Credit >= payload.Length);
        socket.Send("on");
        Assert.Equal("on", peer.ReadText(2));
        peer.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_guest_that_does_not_read_stops_the_TOE_and_CREDIT_resumes_it(int svms)
    {
        using var site = Site(svms);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var bytes = OutsidePeer.Pattern(8 << 20, 3);
        var sending = Task.Run(() => peer.Send(bytes));
        WorkerHarness.Until(() => Volatile.Read(ref socket.State.Starved) != 0);
        var pool = site.Memory().ReceivePool;
        Assert.InRange(TestSite.InUse(pool).Values.Sum(), 1, pool.Count - 1);
        Assert.False(sending.IsCompleted);
        var read = socket.ReadToEnd(bytes.Length).Bytes;
        Assert.True(bytes.AsSpan().SequenceEqual(read));
        WorkerHarness.Until(() => sending.IsCompleted);
        peer.Dispose();
    }

    [Fact]
    public void An_exhausted_sealed_pool_stalls_the_lane_and_returned_buffers_resume_it()
    {
        // Fewer sealed buffers than one stream has credit for; the first SVM seals, the TOE gives back.
        var engine = new TestEngine("a");
        using var site = new TestSite(new TestSiteOptions
        {
            Engines = [engine],
            Geometry = new TestSiteOptions().Geometry with { SealedSmall = 8, SealedLarge = 1 },
        });
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var release = false;
        engine.OnInspect = (_, _, _) => Volatile.Read(ref release) ? Verdict.Pass : Verdict.Hold;
        var bytes = OutsidePeer.Pattern(200 * 100, 4);
        for (var n = 0; n < 9; n++)
            Assert.True(socket.TrySend(bytes.AsSpan(n * 100, 100)));
        WorkerHarness.Until(() => TestSite.InUse(site.Memory().SealedPool).GetValueOrDefault(Party.FirstSvm) == 9);
        Assert.True(socket.TrySend(bytes.AsSpan(900, 100)));
        WorkerHarness.Until(() => site.Report("svm-0").Stalls > 0);
        Volatile.Write(ref release, true);
        engine.OnHoldLimit = static (_, _, _) => Verdict.Pass;
        peer.SendText("x");
        Assert.Equal("x", socket.ReadText(1));
        // As the deadline would: what is held is decided on, and its buffers come back from the TOE.
        foreach (var stream in ((ActorRefWithCell)site.WorkerActor("svm-0")).Children)
            stream.Tell(new StreamProtocol.HoldTick(long.MaxValue));
        // The stalled payload goes on by itself, without another one to push it.
        Assert.True(bytes.AsSpan(0, 1000).SequenceEqual(peer.Read(1000)));
        socket.Send(bytes.AsSpan(1000), 100);
        Assert.True(bytes.AsSpan(1000).SequenceEqual(peer.Read(bytes.Length - 1000)));
        peer.Dispose();
    }

    [Fact]
    public void Many_streams_that_want_more_than_the_pools_have_all_get_through()
    {
        using var site = new TestSite(new TestSiteOptions
        {
            Engines = [new TestEngine("a"), new TestEngine("b")],
            Geometry = new TestSiteOptions().Geometry with { SealedSmall = 8, SealedLarge = 4, ReceiveSmall = 8, ReceiveLarge = 4 },
        });
        var pairs = Enumerable.Range(0, 12).Select(_ => OutsidePeer.Connect(site.Guest)).ToArray();
        var bytes = OutsidePeer.Pattern(300_000, 6);
        var echoes = pairs.Select(p => Task.Run(() => p.Peer.Send(p.Peer.Read(bytes.Length)))).ToArray();
        var sent = new int[pairs.Length];
        var received = pairs.Select(_ => new MemoryStream()).ToArray();
        WorkerHarness.Until(() =>
        {
            for (var i = 0; i < pairs.Length; i++)
            {
                var socket = pairs[i].Guest;
                var part = bytes.AsSpan(sent[i], Math.Min(1000 + i * 2500, bytes.Length - sent[i]));
                if (part.Length > 0 && socket.TrySend(part))
                    sent[i] += part.Length;
                while (socket.HasEntry)
                {
                    var entry = socket.Peek();
                    Assert.Equal((uint)ReceiveEntryKind.Data, entry.Kind);
                    received[i].Write(socket.Bytes(entry));
                    socket.Advance();
                }
            }

            return received.All(r => r.Length == bytes.Length);
        });
        Assert.All(received, r => Assert.True(bytes.AsSpan().SequenceEqual(r.ToArray())));
        Assert.All(echoes, e => Assert.True(e.IsCompletedSuccessfully));
        foreach (var (_, peer) in pairs)
            peer.Dispose();
    }

    private static int Owned(TestSite site) => TestSite.InUse(site.Memory().SealedPool).Values.Sum();

    // The window of a single stream: half the pool, in large buffers.
    private static int Window(TestSite site) => (int)(site.Memory().SealedPool.Bytes / 2 / GuestGeometry.LargeBuffer) + 1;

    // Whether anything is still under way before the TOE; what it has itself waits for the peer.
    private static bool Moves(TestSite site, GuestSocket socket)
    {
        var limit = Volatile.Read(ref socket.State.SendLimit);
        WorkerHarness.On(site.Loop("tovm"), static () => { });
        return TestSite.InUse(site.Memory().SealedPool).Keys.Any(p => p != Party.Tovm) || limit != Volatile.Read(ref socket.State.SendLimit)
            || Volatile.Read(ref socket.Cursor.SendPosition) + GuestGeometry.LargeBuffer <= limit;
    }

    private static TestSite Site(int svms) => new(new TestSiteOptions { Engines = [.. Enumerable.Range(0, svms).Select(i => new TestEngine($"t{i}"))] });
}
