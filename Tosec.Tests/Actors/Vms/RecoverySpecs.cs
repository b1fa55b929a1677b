using System.Net.Sockets;
using Akka.Actor;
using Tosec.Actors.Inspection;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Vms;

[Collection(SiteCollection.Name)]
public sealed class RecoverySpecs
{
    private const int ECONNRESET = 104;

    // The first and the last of three, and the one between them: each leaves others that have to be told.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void An_SVM_that_stops_ends_its_streams_and_what_everyone_held_of_them_comes_back(int svm)
    {
        var engines = Engines(3);
        foreach (var engine in engines)
            engine.OnInspect = static (_, _, payload) => payload[0] == 'h' ? Verdict.Hold : Verdict.Pass;
        using var site = new TestSite(new TestSiteOptions { Engines = engines });
        var pairs = Enumerable.Range(0, 5).Select(_ => OutsidePeer.Connect(site.Guest)).ToArray();
        foreach (var (socket, peer) in pairs)
        {
            // Held at both ends of the path, and more on its way.
            Assert.True(socket.Send("hold"));
            peer.SendText("hold");
        }

        WorkerHarness.Until(() => engines[0].Opened.Sum(i => i.Bytes) == 20 && engines[2].Opened.Sum(i => i.Bytes) == 20);
        site.StopSvm(svm);
        foreach (var (socket, peer) in pairs)
        {
            Assert.Equal(ECONNRESET, socket.AwaitAbort());
            Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
            socket.Close();
            peer.Dispose();
        }

        site.AwaitClean("alice");
        WorkerHarness.Until(() => engines.All(e => e.Opened.All(i => i.Disposals == 1)));

        site.StartSvm(svm);
        var (again, other) = OutsidePeer.Connect(site.Guest);
        again.Send("served");
        Assert.Equal("served", other.ReadText(6));
        other.Dispose();
    }

    [Fact]
    public void A_worker_that_is_poisoned_is_replaced_and_the_other_guest_never_notices()
    {
        using var site = new TestSite(new TestSiteOptions { Engines = Engines(2), Guests = ["alice", "bob"] });
        var (alices, alicesPeer) = OutsidePeer.Connect(site.GuestOf("alice"));
        var (bobs, bobsPeer) = OutsidePeer.Connect(site.GuestOf("bob"));
        site.WorkerActor("svm-1", "alice").Tell(PoisonPill.Instance);
        Assert.Equal(ECONNRESET, alices.AwaitAbort());
        bobs.Send("still here");
        Assert.Equal("still here", bobsPeer.ReadText(10));
        WorkerHarness.Until(() => Volatile.Read(ref site.Memory("alice").CoreParty(Party.FirstSvm + 1).Incarnation) != 0);
        var (again, peer) = OutsidePeer.Connect(site.GuestOf("alice"));
        again.Send("again");
        Assert.Equal("again", peer.ReadText(5));
        foreach (var socket in new[] { alicesPeer, bobsPeer, peer })
            socket.Dispose();
    }

    [Fact]
    public void An_SVM_that_dies_in_the_middle_of_transfers_leaves_nothing_behind()
    {
        using var site = new TestSite(new TestSiteOptions { Engines = Engines(3) });
        for (var round = 0; round < 3; round++)
        {
            var pairs = Enumerable.Range(0, 4).Select(_ => OutsidePeer.Connect(site.Guest)).ToArray();
            var floods = pairs.Select(p => Task.Run(() => Flood(p.Peer))).ToArray();
            var drains = pairs.Select(p => Task.Run(p.Peer.ReadError)).ToArray();
            var moved = pairs[0].Guest.State.SendLimit + (1 << 20);
            var chunk = new byte[20_000];
            WorkerHarness.Until(() =>
            {
                foreach (var (socket, _) in pairs)
                {
                    socket.TrySend(chunk);
                    if (socket.HasEntry)
                        socket.Advance();
                }

                return pairs[0].Guest.State.SendLimit > moved;
            });
            site.StopSvm(1);
            foreach (var (socket, _) in pairs)
            {
                Assert.Equal(ECONNRESET, socket.AwaitAbort());
                socket.Close();
            }

            WorkerHarness.Until(() => floods.All(f => f.IsCompleted) && drains.All(d => d.IsCompleted));
            site.AwaitClean("alice");
            site.StartSvm(1);
        }
    }

    [Fact]
    public void A_TOVM_that_stops_resets_everything_and_its_successor_serves_again()
    {
        var engines = Engines(2);
        engines[0].OnInspect = static (_, _, payload) => payload[0] == 'h' ? Verdict.Hold : Verdict.Pass;
        using var site = new TestSite(new TestSiteOptions { Engines = engines });
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("hold");
        peer.SendText("unread");
        WorkerHarness.Until(() => socket.HasEntry && engines[0].Opened.Sum(i => i.Bytes) == 10);
        site.StopTovm();
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        WorkerHarness.Until(() => !socket.IsMine || socket.Status == StreamStatus.Aborted);
        WorkerHarness.Until(() => engines[0].Opened.Single().Disposals == 1 && engines[1].Opened.Single().Disposals == 1);
        site.StartTovm();
        socket.Close();
        site.AwaitClean("alice");
        var (again, other) = OutsidePeer.Connect(site.Guest);
        again.Send("again");
        Assert.Equal("again", other.ReadText(5));
        other.SendText("and back");
        Assert.Equal("and back", again.ReadText(8));
        peer.Dispose();
        other.Dispose();
    }

    private static void Flood(Socket socket)
    {
        var bytes = new byte[100_000];
        try
        {
            while (true)
                socket.Send(bytes);
        }
        catch (SocketException)
        {
            // The reset that the test waits for.
        }
    }

    private static TestEngine[] Engines(int count) => [.. Enumerable.Range(0, count).Select(i => new TestEngine($"t{i}"))];
}
