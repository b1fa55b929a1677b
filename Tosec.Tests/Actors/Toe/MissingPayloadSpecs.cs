using System.Net.Sockets;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Actors.Toe;

[Collection(SiteCollection.Name)]
public sealed class MissingPayloadSpecs
{
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_payload_that_its_process_took_into_death_ends_the_connection_by_reset_after_the_close(int svms)
    {
        using var site = new TestSite(new TestSiteOptions
        {
            Engines = [.. Enumerable.Range(0, svms).Select(i => new TestEngine($"t{i}"))],
            HoldDeadline = TimeSpan.FromMilliseconds(100),
        });
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        Assert.True(socket.Send("there"));
        Assert.Equal("there", peer.ReadText(5));
        // The number is taken; the payload never comes.
        socket.Cursor.SendSequence++;
        socket.Close();
        Assert.Equal(SocketError.ConnectionReset, peer.ReadError());
        peer.Dispose();
        site.AwaitClean("alice");
    }
}
