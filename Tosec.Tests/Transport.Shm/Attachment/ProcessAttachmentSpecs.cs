using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.Transport.Shm.Attachment;

/// <summary>The contract over sockets and descriptors, and what only processes can do to each other.</summary>
public sealed class ProcessAttachmentSpecs : GuestAttachmentContract, IDisposable
{
    private GuestHost Host { get; } = new();

    private protected override GuestIdentity Identity => Host.Identity;

    private protected override IGuestAttachment Attach(string node) => Attach(Host, node, node != Guest);

    private static IGuestAttachment Attach(GuestHost host, string node, bool trusted) =>
        ProcessAttachment.Connect(host.RunDirectory, host.Identity.Name, node, trusted);

    public void Dispose() => Host.Dispose();

    [Fact]
    public void The_host_sees_who_is_attached_and_that_one_who_is_refused_changes_nothing()
    {
        using var tovm = Attach(Tovm);
        using var waf = Attach(Waf);
        waf.Memory.Record(7).ConnectionId = 1003;

        Assert.ThrowsAny<Exception>(() => Attach(Waf).Dispose());

        GuestHost.Until(() => Host.Links.Attached.Count == 2, "both are attached");
        Assert.DoesNotContain(Host.Changes, c => !c.Attached);
        Assert.Equal(1003ul, Host.Links.Memory.Record(7).ConnectionId);
    }

    [Fact]
    public void The_host_sees_a_party_come_and_go_withdraws_its_word_and_wakes_the_others()
    {
        using var guest = Attach(Guest);
        using var tovm = Attach(Tovm);
        var waf = Attach(Waf);
        waf.Memory.EdgeParty(WafParty).Incarnation = 41;
        waf.Memory.CoreParty(WafParty).Incarnation = 42;
        GuestHost.Until(() => Host.Links.Attached.Contains(WafParty), "it is attached");
        AssertSilent(guest, tovm);

        waf.Dispose();

        GuestHost.Until(() => Host.Changes.Contains((WafParty, false)), "the host sees it go");
        Assert.Equal(0ul, tovm.Memory.EdgeParty(WafParty).Incarnation);
        Assert.Equal(0ul, tovm.Memory.CoreParty(WafParty).Incarnation);
        AssertRung(guest, 0);
        AssertRung(tovm, 1);
        Assert.DoesNotContain(WafParty, Host.Links.Attached);
    }

    [Fact]
    public void The_host_gives_the_guests_word_itself_and_another_one_each_time()
    {
        using var tovm = Attach(Tovm);
        Assert.Equal(0ul, tovm.Memory.CoreParty(Party.Guest).Incarnation);
        var first = Attach(Guest);
        GuestHost.Until(() => Volatile.Read(ref tovm.Memory.CoreParty(Party.Guest).Incarnation) != 0, "the host vouches for the guest");
        var incarnation = tovm.Memory.CoreParty(Party.Guest).Incarnation;

        first.Dispose();
        GuestHost.Until(() => Volatile.Read(ref tovm.Memory.CoreParty(Party.Guest).Incarnation) == 0, "the guest is gone");
        AssertRung(tovm, 1);
        using var second = Attach(Guest);

        GuestHost.Until(() => Volatile.Read(ref tovm.Memory.CoreParty(Party.Guest).Incarnation) is not 0 and var again && again != incarnation,
            "the guest is another");
    }

    [Fact]
    public void An_attachment_goes_on_and_is_told_when_the_host_ends()
    {
        using var tovm = Attach(Tovm);
        using var waf = Attach(Waf);
        using var epoll = Epoll.Create();
        epoll.Add(waf.HostDescriptor, Epoll.EPOLLIN, 1);
        Assert.Equal(0, epoll.Wait(new EpollEvent[1], 0));

        Host.Stop();

        Assert.Equal(1, epoll.Wait(new EpollEvent[1], (int)Peer.TosecProcess.Patience.TotalMilliseconds));
        tovm.RingCore(WafParty);
        AssertRung(waf, 1);
        tovm.Memory.Record(1).ConnectionId = 55;
        Assert.Equal(55ul, waf.Memory.Record(1).ConnectionId);
    }

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
