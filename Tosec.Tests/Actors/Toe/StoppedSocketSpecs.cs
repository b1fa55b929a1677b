using System.Net.Sockets;
using Akka.Actor;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Toe;

[Collection(SiteCollection.Name)]
public sealed class StoppedSocketSpecs
{
    private const int ECONNRESET = 104, EBADF = 9;

    [Fact]
    public void The_slot_is_kept_until_the_SVMs_have_forgotten_the_connection()
    {
        using var site = Site(2);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        using var busy = new Busy(site, "svm-0");
        Stop(site, socket);
        Assert.Equal(ECONNRESET, socket.AwaitAbort());
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        socket.Close();
        var next = site.Guest.Socket();
        AwaitTicks(site);
        Assert.True(socket.IsMine);
        Assert.NotEqual(socket.Slot, next.Slot);
        busy.Dispose();
        WorkerHarness.Until(() => !socket.IsMine);
        peer.Dispose();
    }

    [Fact]
    public void The_slot_is_kept_until_the_guest_has_closed_it()
    {
        using var site = Site(2);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        Assert.True(socket.Send("there"));
        Assert.Equal("there", peer.ReadText(5));
        Stop(site, socket);
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        AwaitTicks(site);
        Assert.Equal((true, StreamStatus.Aborted, (uint)ECONNRESET), (socket.IsMine, socket.Status, socket.State.Error));
        // What it still asks for is answered, what it still sends is nobody's.
        Assert.Equal(-EBADF, socket.SetOption(6, 1, 1));
        socket.TrySend("late"u8);
        socket.Close();
        site.AwaitClean("alice");
        peer.Dispose();
    }

    [Fact]
    public void A_close_that_the_actor_never_got_still_counts()
    {
        using var site = Site(1);
        for (var round = 0; round < 10; round++)
        {
            var (socket, peer) = OutsidePeer.Connect(site.Guest);
            var actor = Actor(site, socket);
            using (new Busy(site, "tovm"))
            {
                actor.Tell(PoisonPill.Instance);
                socket.Close();
            }

            site.AwaitClean("alice");
            peer.Dispose();
        }
    }

    [Fact]
    public void An_SVM_that_goes_meanwhile_is_not_waited_for()
    {
        using var site = Site(2);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        using (new Busy(site, "svm-1"))
        {
            Stop(site, socket);
            Assert.Equal(ECONNRESET, socket.AwaitAbort());
            socket.Close();
            AwaitTicks(site);
            Assert.True(socket.IsMine);
        }

        site.StopSvm(1);
        site.AwaitClean("alice");
        peer.Dispose();
    }

    [Fact]
    public void A_listener_refuses_and_what_it_has_accepted_goes_on()
    {
        using var site = Site(1);
        var listener = site.Guest.Socket();
        var endPoint = listener.ListenOn(site.AddressOf());
        using var peer = OutsidePeer.Connect(endPoint);
        var accepted = listener.Accept();
        Stop(site, listener);
        Assert.Equal(ECONNRESET, listener.AwaitAbort());
        Assert.Throws<SocketException>(() => OutsidePeer.Connect(endPoint));
        accepted.Send("still here");
        Assert.Equal("still here", peer.ReadText(10));
        Assert.True(listener.IsMine);
        listener.Close();
        WorkerHarness.Until(() => !listener.IsMine);
    }

    [Fact]
    public void The_application_is_told_at_its_end_and_closes_it_itself()
    {
        using var site = new TestSite(new TestSiteOptions { Engines = [new TestEngine("a")], Agents = true });
        using var process = new TestProcess(site, "alice");
        var (socket, peer) = OutsidePeer.Connect(site.Guest, process.Channel);
        var end = process.Register(socket);
        WorkerHarness.Until(() => site.Report("agent-alice").Streams == 1);
        Stop(site, socket);
        while (TestProcess.AwaitReadable(end) > 0)
        {
        }

        Assert.Equal((true, StreamStatus.Aborted), (socket.IsMine, socket.Status));
        end.Dispose();
        site.AwaitClean("alice");
        peer.Dispose();
    }

    private static TestSite Site(int svms) => new(new TestSiteOptions { Engines = [.. Enumerable.Range(0, svms).Select(i => new TestEngine($"t{i}"))] });

    private static IActorRef Actor(TestSite site, GuestSocket socket) =>
        ((ActorRefWithCell)site.WorkerActor("tovm")).Children.Single(c => c.Path.Name == $"s-{socket.ConnectionId:x}");

    private static void Stop(TestSite site, GuestSocket socket) =>
        WorkerHarness.Wait(Actor(site, socket).GracefulStop(WorkerHarness.HangGuard));

    // Long enough for what would happen by itself to have happened.
    private static void AwaitTicks(TestSite site)
    {
        Thread.Sleep(TestSite.Worker.TickInterval * 5);
        WorkerHarness.On(site.Loop("tovm"), () => { });
    }

    /// <summary>Keeps a VM's worker from its work.</summary>
    private sealed class Busy : IDisposable
    {
        private readonly ManualResetEventSlim _over = new();

        public Busy(TestSite site, string vm)
        {
            var begun = new ManualResetEventSlim();
            site.Loop(vm).Post(() =>
            {
                begun.Set();
                _over.Wait(WorkerHarness.HangGuard);
            });
            Assert.True(begun.Wait(WorkerHarness.HangGuard));
        }

        public void Dispose() => _over.Set();
    }
}
