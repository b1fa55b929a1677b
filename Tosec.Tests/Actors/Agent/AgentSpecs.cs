using System.Net.Sockets;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Agent;

[Collection(SiteCollection.Name)]
public sealed class AgentSpecs
{
    private const uint EMFILE = 24, EPROTO = 71;

    [Fact]
    public void A_process_gets_a_channel_and_the_descriptors_that_it_needs()
    {
        using var site = Site();
        using var process = new TestProcess(site, "alice");
        Assert.Equal((AgentMessage.Attached, 1u), (process.Answer.Type, process.Answer.Channel));
        // Guest, TOVM and both SVMs have doorbells; edge, receive and the channel's own come first.
        Assert.Equal(0b1111u, process.Answer.Parties);
        Assert.Equal(3 + 4, process.Descriptors);
        Assert.Equal(process.Answer.Session, site.Guest.Memory.Channel(1).Session);
        Assert.Equal(1, site.Report("agent-alice").Processes);
    }

    [Fact]
    public void Channels_run_out_with_EMFILE_and_come_back_with_their_processes()
    {
        using var site = Site();
        using var first = new TestProcess(site, "alice");
        var second = new TestProcess(site, "alice");
        using (var third = new TestProcess(site, "alice"))
            Assert.Equal((AgentMessage.Refused, EMFILE), (third.Answer.Type, third.Answer.Error));
        second.Dispose();
        WorkerHarness.Until(() =>
        {
            using var again = new TestProcess(site, "alice");
            return again.Answer.Type == AgentMessage.Attached && again.Channel == 2;
        });
    }

    [Fact]
    public void Another_version_is_refused()
    {
        using var site = Site();
        using var process = new TestProcess(site, "alice", version: 99);
        Assert.Equal((AgentMessage.Refused, EPROTO), (process.Answer.Type, process.Answer.Error));
    }

    [Fact]
    public void Nonsense_costs_only_the_process_that_sends_it()
    {
        using var site = Site();
        using var good = new TestProcess(site, "alice");
        using var bad = new TestProcess(site, "alice");
        bad.Send(new AgentPacket { Type = (AgentMessage)77 });
        Assert.Equal(0, bad.AwaitEnd());
        var (socket, peer) = OutsidePeer.Connect(site.Guest, good.Channel);
        using var end = good.Register(socket);
        peer.SendText("x");
        Assert.Equal(1, TestProcess.AwaitReadable(end));
        peer.Dispose();
    }

    [Fact]
    public void The_applications_end_is_readable_when_its_stream_is()
    {
        using var site = Site();
        using var process = new TestProcess(site, "alice");
        var (socket, peer) = OutsidePeer.Connect(site.Guest, process.Channel);
        using var end = process.Register(socket);
        for (var n = 0; n < 3; n++)
        {
            peer.SendText("x");
            Assert.Equal(1, TestProcess.AwaitReadable(end));
            Assert.True(socket.HasEntry);
            // As the library does: the byte is taken, the token cleared, then the ring is read.
            Volatile.Write(ref socket.Cursor.ReadableToken, 0);
            socket.Advance();
        }

        peer.Shutdown(SocketShutdown.Send);
        Assert.Equal(1, TestProcess.AwaitReadable(end));
        Assert.Equal(0, TestProcess.AwaitReadable(end));
        peer.Dispose();
    }

    [Fact]
    public void When_the_last_reference_is_gone_what_was_sent_still_goes_out()
    {
        using var site = Site();
        using var process = new TestProcess(site, "alice");
        var (socket, peer) = OutsidePeer.Connect(site.Guest, process.Channel);
        var end = process.Register(socket);
        var bytes = OutsidePeer.Pattern(50_000, 1);
        socket.Send(bytes);
        end.Dispose();
        Assert.Equal(bytes, peer.Read());
        peer.Dispose();
        site.AwaitClean("alice");
        Assert.Equal(0, site.Report("agent-alice").Streams);
    }

    [Fact]
    public void What_a_process_made_and_handed_to_nobody_ends_with_it()
    {
        using var site = Site();
        var process = new TestProcess(site, "alice");
        var (_, peer) = OutsidePeer.Connect(site.Guest, process.Channel);
        process.Dispose();
        Assert.Empty(peer.Read());
        peer.Dispose();
        site.AwaitClean("alice");
    }

    [Fact]
    public void When_the_TOVM_is_gone_every_application_is_told_and_a_new_one_serves_again()
    {
        using var site = Site();
        using var process = new TestProcess(site, "alice");
        var pairs = Enumerable.Range(0, 3).Select(_ => OutsidePeer.Connect(site.Guest, process.Channel)).ToArray();
        var ends = pairs.Select(p => process.Register(p.Guest)).ToArray();
        var listener = site.Guest.Socket(channel: process.Channel);
        var endPoint = listener.ListenOn(site.AddressOf());
        using var listenerEnd = process.Register(listener);
        WorkerHarness.Until(() => site.Report("agent-alice").Streams == 4);
        site.StopTovm();
        foreach (var end in ends.Append(listenerEnd))
        {
            // Perhaps a byte that says "look at me" first; then nothing more will ever come.
            while (TestProcess.AwaitReadable(end) > 0)
            {
            }
        }

        Assert.All(pairs, p => Assert.Equal(SocketError.ConnectionReset, p.Peer.ReadError()));
        site.StartTovm();
        foreach (var end in ends)
            end.Dispose();
        listenerEnd.Dispose();
        site.AwaitClean("alice");
        var (again, peer) = OutsidePeer.Connect(site.Guest, process.Channel);
        using var againEnd = process.Register(again);
        again.Send("again");
        Assert.Equal("again", peer.ReadText(5));
        Assert.Throws<SocketException>(() => OutsidePeer.Connect(endPoint));
        foreach (var (_, old) in pairs)
            old.Dispose();
        peer.Dispose();
    }

    private static TestSite Site() => new(new TestSiteOptions { Engines = [new TestEngine("a"), new TestEngine("b")], Agents = true });
}
