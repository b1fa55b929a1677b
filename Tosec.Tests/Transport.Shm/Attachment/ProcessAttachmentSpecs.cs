using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Transport.Shm.Attachment;

/// <summary>The contract over sockets and descriptors, and what only processes can do to each other.</summary>
public sealed class ProcessAttachmentSpecs : GuestAttachmentContract
{
    private protected override IGuestAttachment Attach(GuestHost host, string node, bool trusted) =>
        ProcessAttachment.Connect(host.RunDirectory, host.Identity.Name, node, trusted);

    [Fact]
    public void A_node_or_a_guest_that_the_host_does_not_know_is_refused()
    {
        Assert.Equal("ENOENT", Assert.Throws<NativeFailure>(() => Attach("stranger")).ErrnoName);
        Assert.Equal("ENOENT", Assert.Throws<NativeFailure>(() =>
            ProcessAttachment.Connect(Host.RunDirectory, "another-guest", "tovm-node", trusted: true)).ErrnoName);
    }

    [Fact]
    public void The_guests_node_has_no_socket_to_the_core_segment()
    {
        Assert.False(File.Exists(Host.SocketOf(SegmentKind.Core, "guest-node")));
        Assert.Throws<NativeFailure>(() => Attach(Host, "guest-node", trusted: true));

        // Nothing of the attempt is left: it can attach as what it is.
        using var guest = Attach("guest-node");
        Assert.False(guest.Memory.HasCore);
    }

    [Fact]
    public void Sockets_of_the_links_are_for_their_owner_alone()
    {
        foreach (var file in Directory.EnumerateFiles(LinkPath.Directory(Host.RunDirectory, Host.Identity.Name)))
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
    }

    [Fact]
    public void A_second_host_for_the_same_guest_is_refused_and_the_first_goes_on()
    {
        Assert.Equal("EADDRINUSE", Assert.Throws<NativeFailure>(() =>
            new GuestLinks(Host.RunDirectory, Host.Identity, Host.Geometry, SharedGuest.Parties)).ErrnoName);

        using var tovm = Attach("tovm-node");
        Assert.Equal(Party.Tovm, tovm.Party);
    }

    [Fact]
    public async Task A_place_is_free_again_after_its_holder_was_killed()
    {
        using var tovm = Attach("tovm-node");
        using var holder = TosecProcess.StartPeer("shm-hold", Host.RunDirectory, Host.Identity.Name, "waf-node");
        await holder.SaysAsync("attached");
        Assert.Throws<IOException>(() => Attach("waf-node"));

        holder.Kill();
        using var next = Attach("waf-node");

        Assert.Equal(2, next.Party);
        tovm.RingCore(2);
        AssertRungEventually(next);
        Assert.Contains((2, false), Host.Changes);
    }

    [Theory]
    [InlineData(SegmentKind.Edge)]
    [InlineData(SegmentKind.Receive)]
    public async Task A_peer_that_never_stops_talking_disturbs_nobody(SegmentKind link)
    {
        using var tovm = Attach("tovm-node");
        using var talker = UnixSocket.Connect(Host.SocketOf(link, "guest-node"), packets: false);
        var end = new TaskCompletionSource();
        var talking = Task.Factory.StartNew(() =>
        {
            var garbage = new byte[65536];
            Random.Shared.NextBytes(garbage);
            int sent;
            while ((sent = talker.TrySend(garbage, [])) > 0 || sent == -11)
            {
                if (end.Task.IsCompleted)
                    return 0;
            }

            return sent;
        }, TaskCreationOptions.LongRunning);

        for (var i = 0; i < 5; i++)
        {
            var attach = Task.Run(() => Attach("waf-node"));
            using var waf = await attach.WaitAsync(TosecProcess.Patience);
            tovm.RingCore(2);
            AssertRungEventually(waf);
        }

        // It was turned out.
        try
        {
            Assert.True(await talking.WaitAsync(TosecProcess.Patience) is -32 or -104);
        }
        finally
        {
            end.TrySetResult();
        }

        Assert.DoesNotContain((Party.Tovm, false), Host.Changes);
    }

    [Fact]
    public void Descriptors_that_a_peer_sends_are_not_kept()
    {
        using var tovm = Attach("tovm-node");
        using var sent = MemoryDescriptor.Create("tosec-test-unwanted", 4096);
        using var talker = UnixSocket.Connect(Host.SocketOf(SegmentKind.Edge, "guest-node"), packets: false);
        talker.TrySend(new byte[8], [sent.Descriptor, sent.Descriptor]);

        GuestHost.Until(() => Host.Changes.Contains((Party.Guest, false)), "the talker is turned out");

        var kept = new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos()
            .Count(f => f.LinkTarget?.Contains("tosec-test-unwanted", StringComparison.Ordinal) == true);
        Assert.Equal(1, kept);
    }

    [Fact]
    public void A_guest_with_the_most_channels_there_can_be_attaches()
    {
        using var host = new GuestHost(SharedGuest.Small with { Channels = GuestGeometry.MaxChannels });
        using var tovm = Attach(host, "tovm-node", trusted: true);
        using var guest = Attach(host, "guest-node", trusted: false);

        Assert.Equal(GuestGeometry.MaxChannels, guest.Doorbells.Count);
        tovm.RingEdge(Party.Guest, 255);
        AssertRung(guest, 255);
    }

    private static void AssertRungEventually(IGuestAttachment attachment) =>
        GuestHost.Until(() => attachment.Doorbells[1].Drain() > 0, "the doorbell rings");
}
