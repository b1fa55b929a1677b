using Tosec.Transport.Shm.Interop;

namespace Tosec.Tests.Transport.Shm.Interop;

public class EpollSpecs
{
    private static readonly ulong[] _tokens = [0, 1, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, ulong.MaxValue, 0x0123_4567_89AB_CDEF];

    [Fact]
    public void An_event_carries_the_whole_64_bit_token_of_its_descriptor()
    {
        using var set = Epoll.Create();
        var bells = _tokens.Select(_ => EventFd.Create()).ToArray();
        for (var i = 0; i < _tokens.Length; i++)
        {
            set.Add(bells[i].Descriptor, Epoll.EPOLLIN, _tokens[i]);
            bells[i].Ring();
        }

        var events = new EpollEvent[_tokens.Length + 5];
        var ready = set.Wait(events, -1);

        // Several entries at once: a wrong entry size would show from the second one on.
        Assert.Equal(_tokens.Length, ready);
        Assert.Equal(_tokens.Order(), events[..ready].Select(e => e.Token).Order());
        Assert.All(events[..ready], e => Assert.Equal(Epoll.EPOLLIN, e.Events));
        foreach (var bell in bells)
            bell.Dispose();
    }

    [Fact]
    public void Wait_with_timeout_zero_only_looks()
    {
        using var set = Epoll.Create();
        using var bell = EventFd.Create();
        set.Add(bell.Descriptor, Epoll.EPOLLIN, 7);

        Assert.Equal(0, set.Wait(new EpollEvent[4], 0));
    }

    [Fact]
    public void Wait_returns_no_more_events_than_it_has_room_for()
    {
        using var set = Epoll.Create();
        using var first = EventFd.Create();
        using var second = EventFd.Create();
        set.Add(first.Descriptor, Epoll.EPOLLIN, 1);
        set.Add(second.Descriptor, Epoll.EPOLLIN, 2);
        first.Ring();
        second.Ring();

        Assert.Equal(1, set.Wait(new EpollEvent[1], -1));
    }

    [Fact]
    public void Modify_replaces_events_and_token()
    {
        using var set = Epoll.Create();
        using var bell = EventFd.Create();
        set.Add(bell.Descriptor, Epoll.EPOLLIN, 1);

        set.Modify(bell.Descriptor, Epoll.EPOLLOUT, 2);

        var events = new EpollEvent[4];
        Assert.Equal(1, set.Wait(events, -1));
        Assert.Equal(new EpollEvent(Epoll.EPOLLOUT, 2), events[0]);
    }

    [Fact]
    public void A_removed_descriptor_reports_nothing()
    {
        using var set = Epoll.Create();
        using var bell = EventFd.Create();
        set.Add(bell.Descriptor, Epoll.EPOLLIN, 1);
        bell.Ring();

        set.Remove(bell.Descriptor);

        Assert.Equal(0, set.Wait(new EpollEvent[4], 0));
    }

    [Fact]
    public void Adding_twice_and_removing_what_is_not_there_fail_with_their_error()
    {
        using var set = Epoll.Create();
        using var bell = EventFd.Create();
        set.Add(bell.Descriptor, Epoll.EPOLLIN, 1);

        var twice = Assert.Throws<NativeFailure>(() => set.Add(bell.Descriptor, Epoll.EPOLLIN, 1));
        set.Remove(bell.Descriptor);
        var absent = Assert.Throws<NativeFailure>(() => set.Remove(bell.Descriptor));

        Assert.Equal("EEXIST", twice.ErrnoName);
        Assert.Equal($"epoll_ctl(ADD, {bell.Descriptor})", twice.Call);
        Assert.Equal("ENOENT", absent.ErrnoName);
    }
}
