using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.Transport.Shm.Attachment;

/// <summary>
/// What every kind of attachment keeps, to the memory of <see cref="SharedGuest.Small"/> and its parties. The subclass says how a party
/// attaches; within a VM, <see cref="VirtualMachines.ContractPeer"/> runs it.
/// </summary>
public abstract class GuestAttachmentContract
{
    private protected const string Guest = "guest-node";
    private protected const string Tovm = "tovm-node";
    private protected const string Waf = "waf-node";
    private protected const string Ips = "ips-node";
    private protected const int WafParty = 2;

    private protected abstract GuestIdentity Identity { get; }

    private protected abstract IGuestAttachment Attach(string node);

    private static GuestGeometry Geometry => SharedGuest.Small;

    [Theory]
    [InlineData(Guest, 0)]
    [InlineData(Tovm, 1)]
    [InlineData(Waf, 2)]
    [InlineData(Ips, 4)]
    public void A_party_has_the_number_and_the_memory_that_the_host_gave_it(string node, int party)
    {
        using var attachment = Attach(node);

        Assert.Equal(party, attachment.Party);
        Assert.Equal(Geometry, attachment.Memory.Geometry);
        Assert.Equal(Identity, attachment.Memory.Guest);
        Assert.Equal(node != Guest, attachment.Memory.HasCore);
    }

    [Fact]
    public void Everybody_sees_the_same_memory()
    {
        using var guest = Attach(Guest);
        using var tovm = Attach(Tovm);
        using var waf = Attach(Waf);

        guest.Memory.Cursor(5).ReceiveHead = 1001;
        tovm.Memory.State(6).SendLimit = 1002;
        waf.Memory.Record(7).ConnectionId = 1003;

        Assert.Equal(1001ul, waf.Memory.Cursor(5).ReceiveHead);
        Assert.Equal(1002ul, guest.Memory.State(6).SendLimit);
        Assert.Equal(1003ul, tovm.Memory.Record(7).ConnectionId);
    }

    [Fact]
    public void The_parties_that_may_attach_exist_whether_or_not_they_are_there_and_no_others()
    {
        using var guest = Attach(Guest);
        using var waf = Attach(Waf);

        foreach (var attachment in new[] { guest, waf })
            Assert.Equal([true, true, true, false, true, false, false, false], Enumerable.Range(0, Party.Count).Select(attachment.Exists));
    }

    [Fact]
    public void A_doorbell_on_the_edge_link_rings_that_party_on_that_vector_only()
    {
        using var guest = Attach(Guest);
        using var tovm = Attach(Tovm);
        using var waf = Attach(Waf);

        for (var vector = 0; vector < Geometry.Channels; vector++)
        {
            tovm.RingEdge(Party.Guest, vector);
            AssertRung(guest, vector);
            waf.RingEdge(Party.Guest, vector);
            AssertRung(guest, vector);
        }

        guest.RingEdge(WafParty, 0);
        AssertRung(waf, 0);
        guest.RingEdge(Party.Tovm, 0);
        AssertRung(tovm, 0);
        AssertSilent(guest, tovm, waf);
    }

    [Fact]
    public void A_doorbell_on_the_core_link_rings_that_party_behind_its_edge_vectors()
    {
        using var guest = Attach(Guest);
        using var tovm = Attach(Tovm);
        using var waf = Attach(Waf);

        tovm.RingCore(WafParty);
        AssertRung(waf, 1);
        waf.RingCore(Party.Tovm);
        AssertRung(tovm, 1);
        AssertSilent(guest, tovm, waf);
    }

    [Fact]
    public void The_guest_waits_on_a_doorbell_a_channel_and_a_trusted_party_on_one_a_link()
    {
        using var guest = Attach(Guest);
        using var waf = Attach(Waf);

        Assert.Equal(Geometry.Channels, guest.Doorbells.Count);
        Assert.Equal(2, waf.Doorbells.Count);
    }

    [Fact]
    public void Ringing_who_has_no_such_doorbell_does_nothing()
    {
        using var guest = Attach(Guest);
        using var tovm = Attach(Tovm);

        tovm.RingEdge(Party.Guest, Geometry.Channels);
        tovm.RingEdge(7, 0);
        tovm.RingCore(7);
        tovm.RingCore(Party.Guest);
        guest.RingEdge(Party.Tovm, 1);

        AssertSilent(guest, tovm);
    }

    [Fact]
    public void Ringing_a_party_that_is_not_there_now_does_nothing()
    {
        using var tovm = Attach(Tovm);

        tovm.RingEdge(WafParty, 0);
        tovm.RingCore(WafParty);

        AssertSilent(tovm);
    }

    [Fact]
    public void The_doorbell_that_is_handed_to_a_process_of_the_guest_is_the_partys()
    {
        using var guest = Attach(Guest);
        using var tovm = Attach(Tovm);

        if (guest.Registers is { } page)
        {
            using var registers = new IvshmemRegisters(page.Page);
            registers.Ring(page.Link.Of(Party.Tovm), 0);
        }
        else
        {
            guest.EdgeDoorbell(Party.Tovm, 0)!.Ring();
        }

        AssertRung(tovm, 0);
        Assert.Null(guest.EdgeDoorbell(Party.Tovm, 1));
        Assert.Null(guest.EdgeDoorbell(7, 0));
    }

    [Fact]
    public void The_guest_has_the_receive_segment_for_reading_only()
    {
        using var guest = Attach(Guest);
        var receive = guest.Descriptors.Receive;

        var failure = Assert.Throws<NativeFailure>(() => MappedMemory.Map(receive, receive.Length, writable: true));

        Assert.Equal("EACCES", failure.ErrnoName);
        Assert.Throws<NativeFailure>(() => Segment.Open(receive, SegmentKind.Receive, writable: true));
    }

    [Fact]
    public void A_place_that_is_taken_is_refused_and_free_again_when_its_holder_leaves()
    {
        var first = Attach(Waf);

        Assert.ThrowsAny<Exception>(() => Attach(Waf).Dispose());
        Assert.ThrowsAny<Exception>(() => Attach(Waf).Dispose());
        first.RingCore(Party.Tovm);

        first.Dispose();
        using var second = Attach(Waf);
        Assert.Equal(WafParty, second.Party);
    }

    [Fact]
    public void Others_are_not_disturbed_by_one_that_is_refused()
    {
        using var tovm = Attach(Tovm);
        using var waf = Attach(Waf);

        Assert.ThrowsAny<Exception>(() => Attach(Waf).Dispose());

        tovm.RingCore(WafParty);
        AssertRung(waf, 1);
    }

    [Fact]
    public void What_was_rung_for_the_last_holder_of_a_place_is_not_heard_by_the_next()
    {
        using var tovm = Attach(Tovm);
        var first = Attach(Waf);
        first.Dispose();
        tovm.RingEdge(WafParty, 0);
        tovm.RingCore(WafParty);

        using var second = Attach(Waf);

        AssertSilent(second);
        tovm.RingCore(WafParty);
        AssertRung(second, 1);
    }

    [Fact]
    public void Doorbells_of_others_stay_the_same_when_a_party_comes_back()
    {
        using var tovm = Attach(Tovm);
        for (var i = 0; i < 5; i++)
        {
            using var waf = Attach(Waf);
            tovm.RingCore(WafParty);
            AssertRung(waf, 1);
            waf.RingCore(Party.Tovm);
            AssertRung(tovm, 1);
        }
    }

    private protected static void AssertRung(IGuestAttachment attachment, int doorbell)
    {
        using var epoll = Epoll.Create();
        epoll.Add(attachment.Doorbells[doorbell].Descriptor, Epoll.EPOLLIN, 1);
        Assert.Equal(1, epoll.Wait(new EpollEvent[1], (int)Peer.TosecProcess.Patience.TotalMilliseconds));
        for (var i = 0; i < attachment.Doorbells.Count; i++)
            Assert.Equal(i == doorbell, attachment.Doorbells[i].Drain() > 0);
    }

    private protected static void AssertSilent(params IGuestAttachment[] attachments) =>
        Assert.All(attachments.SelectMany(a => a.Doorbells), bell => Assert.Equal(0ul, bell.Drain()));
}
