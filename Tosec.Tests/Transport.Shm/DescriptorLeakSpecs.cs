using Tosec.Tests.Peer;
using Tosec.Tests.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.Transport.Shm;

/// <summary>Whatever ends, well or badly, leaves no descriptor and no mapping.</summary>
[Collection(CountsDescriptors.Name)]
public sealed class DescriptorLeakSpecs
{
    [Fact]
    public void Making_opening_and_closing_memory()
    {
        OpenDescriptors.AssertNoneLeft(() =>
        {
            using var guest = new SharedGuest();
            guest.OpenTrusted().Dispose();
            guest.OpenGuest().Dispose();
        });
    }

    [Fact]
    public void Memory_that_is_refused()
    {
        using var guest = new SharedGuest();
        using var other = new SharedGuest();

        OpenDescriptors.AssertNoneLeft(() =>
        {
            Assert.Throws<SegmentException>(() => GuestMemory.OpenTrusted(other.Edge, guest.Receive, guest.Core));
            Assert.Throws<SegmentException>(() => Segment.Open(guest.Edge, SegmentKind.Core, writable: true));
        });
        Assert.Equal(3, OpenDescriptors.OfGuest(guest.Identity.Name));
    }

    [Fact]
    public void A_host_with_its_parties()
    {
        OpenDescriptors.AssertNoneLeft(() =>
        {
            using var host = new GuestHost();
            using var tovm = ProcessAttachment.Connect(host.RunDirectory, host.Identity.Name, "tovm-node", trusted: true);
            using var guest = ProcessAttachment.Connect(host.RunDirectory, host.Identity.Name, "guest-node", trusted: false);
        });
    }

    [Fact]
    public void A_host_whose_links_are_served_by_another()
    {
        using var host = new GuestHost();
        var identity = host.Identity;

        OpenDescriptors.AssertNoneLeft(() =>
            Assert.Throws<NativeFailure>(() => new GuestLinks(host.RunDirectory, identity, host.Geometry, SharedGuest.Parties)));
    }

    [Theory]
    [InlineData(SegmentKind.Edge)]
    [InlineData(SegmentKind.Receive)]
    [InlineData(SegmentKind.Core)]
    public void A_host_that_cannot_make_one_of_its_sockets_leaves_none_of_the_others_either(SegmentKind occupied)
    {
        using var directory = new TemporaryDirectory();
        var identity = new GuestIdentity("occupied", 1, 1);
        Directory.CreateDirectory(LinkPath.Directory(directory.Path, identity.Name));
        using var other = UnixSocket.Listen(LinkPath.Socket(directory.Path, identity.Name, occupied, "waf-node"), packets: false, UnixFileMode.UserRead);

        OpenDescriptors.AssertNoneLeft(() =>
            Assert.Throws<NativeFailure>(() => new GuestLinks(directory.Path, identity, SharedGuest.Small, SharedGuest.Parties)));

        Assert.Single(Directory.EnumerateFiles(LinkPath.Directory(directory.Path, identity.Name)));
        Assert.Equal(0, OpenDescriptors.OfGuest(identity.Name));
    }

    [Fact]
    public void Attaching_and_leaving_on_both_sides()
    {
        using var host = new GuestHost();

        OpenDescriptors.AssertNoneLeft(() =>
        {
            ProcessAttachment.Connect(host.RunDirectory, host.Identity.Name, "waf-node", trusted: true).Dispose();
            ProcessAttachment.Connect(host.RunDirectory, host.Identity.Name, "guest-node", trusted: false).Dispose();
        });
    }

    [Fact]
    public void Attaching_where_the_place_is_taken()
    {
        using var host = new GuestHost();
        using var holder = ProcessAttachment.Connect(host.RunDirectory, host.Identity.Name, "waf-node", trusted: true);

        OpenDescriptors.AssertNoneLeft(() =>
            Assert.Throws<IOException>(() => ProcessAttachment.Connect(host.RunDirectory, host.Identity.Name, "waf-node", trusted: true)));
    }

    [Fact]
    public void Peers_that_talk()
    {
        using var host = new GuestHost();
        using var sent = EventFd.Create();

        OpenDescriptors.AssertNoneLeft(() =>
        {
            var seen = host.Changes.Length;
            using var talker = UnixSocket.Connect(host.SocketOf(SegmentKind.Edge, "guest-node"), packets: false);
            talker.TrySend(new byte[100], [sent.Descriptor, sent.Descriptor]);
            GuestHost.Until(() => host.Changes.Length >= seen + 2, "it came and was turned out");
        });
    }

    [Fact]
    public void Sockets_that_are_refused_or_passed_too_much()
    {
        using var directory = new TemporaryDirectory();
        using var listener = UnixSocket.Listen(directory["s"], packets: true, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        using var bell = EventFd.Create();
        var tooLong = directory[new string('x', 108)];

        OpenDescriptors.AssertNoneLeft(() =>
        {
            Assert.Throws<NativeFailure>(() => UnixSocket.Listen(directory["s"], packets: true, UnixFileMode.UserRead));
            Assert.Throws<NativeFailure>(() => UnixSocket.Connect(directory["none"], packets: true));
            Assert.Throws<ArgumentException>(() => UnixSocket.Connect(tooLong, packets: true));
            while (listener.Accept() is { } probe)
                probe.Dispose();
            using var client = UnixSocket.Connect(directory["s"], packets: true);
            using var server = listener.Accept()!;
            client.TrySend("x"u8, [bell.Descriptor, bell.Descriptor, bell.Descriptor]);
            Assert.Equal(-90, server.TryReceive(new byte[8], new int[2], out _));
        });
    }
}
