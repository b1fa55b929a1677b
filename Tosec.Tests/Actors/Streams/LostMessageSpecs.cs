using System.Net.Sockets;
using Akka.Actor;
using Tosec.Actors.Inspection;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Streams;

[Collection(SiteCollection.Name)]
public sealed class LostMessageSpecs
{
    private const int ECONNRESET = 104, EBADF = 9;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_stream_actor_that_fails_gives_back_what_it_has_and_what_was_on_its_way(int svm)
    {
        // Fails in the middle of a run, with more runs behind it.
        var engines = new[] { new TestEngine("a"), new TestEngine("b") };
        using var site = new TestSite(new TestSiteOptions { Engines = engines });
        site.Threats.OnReport = static () => throw new InvalidOperationException("a test's");
        engines[svm].OnInspect = static (_, _, payload) => payload[0] == '!' ? Verdict.Alert(TestEngine.Threat()) : Verdict.Hold;
        for (var round = 0; round < 5; round++)
        {
            var (socket, peer) = OutsidePeer.Connect(site.Guest);
            var (other, otherPeer) = OutsidePeer.Connect(site.Guest);
            for (var n = 0; n < 60; n++)
                socket.TrySend(n == 20 ? "!"u8 : "x"u8);
            Assert.Equal(ECONNRESET, socket.AwaitAbort());
            Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
            Assert.Equal(StreamStatus.Connected, other.Status);
            peer.Dispose();
            otherPeer.Dispose();
            socket.Close();
            other.Close();
            site.AwaitClean("alice");
        }
    }

    [Theory]
    [InlineData("svm-0")]
    [InlineData("svm-1")]
    [InlineData("tovm")]
    public void A_stream_actor_that_is_stopped_in_the_middle_of_a_transfer_leaves_nothing_behind(string vm)
    {
        using var site = new TestSite(new TestSiteOptions { Engines = [new TestEngine("a"), new TestEngine("b")] });
        for (var round = 0; round < 5; round++)
        {
            var (socket, peer) = OutsidePeer.Connect(site.Guest);
            var stream = ((ActorRefWithCell)site.WorkerActor(vm)).Children.Single(c => c.Path.Name == $"s-{socket.ConnectionId:x}");
            var reading = Task.Run(peer.ReadError);
            var chunk = new byte[1000];
            var sent = 0;
            WorkerHarness.Until(() =>
            {
                sent += socket.TrySend(chunk) ? 1 : 0;
                if (sent == 200)
                    stream.Tell(PoisonPill.Instance);
                return socket.Status == StreamStatus.Aborted || !socket.IsMine;
            });
            socket.Close();
            WorkerHarness.Until(() => reading.IsCompleted);
            peer.Dispose();
            site.AwaitClean("alice");
        }
    }

    [Fact]
    public void A_request_to_a_socket_that_is_gone_is_answered()
    {
        using var site = new TestSite(new TestSiteOptions());
        var socket = site.Guest.Socket();
        socket.Close();
        site.AwaitClean("alice");
        Assert.Equal(-EBADF, socket.Listen());
    }
}
