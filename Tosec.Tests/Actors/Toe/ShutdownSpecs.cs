using System.Net.Sockets;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Toe;

[Collection(SiteCollection.Name)]
public sealed class ShutdownSpecs
{
    private const int ECONNRESET = 104;

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void After_it_the_guest_reads_what_had_come_and_an_end_and_the_peer_is_not_held_up(int svms)
    {
        using var site = Site(svms);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        peer.SendText("before");
        WorkerHarness.Until(() => socket.HasEntry);
        ShutdownRead(socket);
        // More than all buffers on the way hold together.
        peer.Send(new byte[32 << 20]);
        var (bytes, error) = socket.ReadToEnd();
        Assert.Equal(("before", 0), (System.Text.Encoding.ASCII.GetString(bytes), error));
        Assert.False(socket.HasEntry);
        socket.Send("still writing");
        socket.Finish();
        Assert.Equal("still writing", peer.ReadText());
        socket.Close();
        peer.Dispose();
    }

    [Fact]
    public void What_waited_for_a_guest_that_did_not_read_is_discarded_too()
    {
        using var site = Site(1);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var sending = Task.Run(() => peer.Send(new byte[32 << 20]));
        WorkerHarness.Until(() => Volatile.Read(ref socket.State.Starved) != 0);
        ShutdownRead(socket);
        WorkerHarness.Wait(sending);
        Assert.Equal(0, socket.ReadToEnd().Error);
        peer.Dispose();
    }

    [Fact]
    public void A_reset_of_the_peer_is_still_heard_of()
    {
        using var site = Site(1);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        ShutdownRead(socket);
        Assert.Equal(0, socket.ReadToEnd().Error);
        peer.LingerState = new LingerOption(true, 0);
        peer.Close();
        Assert.Equal(ECONNRESET, socket.AwaitAbort());
    }

    private static void ShutdownRead(GuestSocket socket)
    {
        for (var n = 0; n < 2; n++)
            Assert.Equal(0, socket.Channel.Call(RpcMethod.Shutdown, socket.Slot, []).Result);
    }

    private static TestSite Site(int svms) => new(new TestSiteOptions { Engines = [.. Enumerable.Range(0, svms).Select(i => new TestEngine($"t{i}"))] });
}
