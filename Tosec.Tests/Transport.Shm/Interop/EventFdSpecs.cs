using Tosec.Transport.Shm.Interop;

namespace Tosec.Tests.Transport.Shm.Interop;

public class EventFdSpecs
{
    [Fact]
    public void Drain_of_a_doorbell_that_was_not_rung_returns_zero_and_does_not_block()
    {
        using var bell = EventFd.Create();

        Assert.Equal(0UL, bell.Drain());
    }

    [Fact]
    public void Rings_add_up_until_they_are_drained()
    {
        using var bell = EventFd.Create();
        for (var i = 0; i < 3; i++)
            bell.Ring();

        Assert.Equal(3UL, bell.Drain());
        Assert.Equal(0UL, bell.Drain());
    }

    [Fact]
    public void Two_doorbells_are_two_descriptors()
    {
        using var first = EventFd.Create();
        using var second = EventFd.Create();
        first.Ring();

        Assert.NotEqual(first.Descriptor, second.Descriptor);
        Assert.Equal(0UL, second.Drain());
    }

    [Fact]
    public void A_closed_doorbell_refuses_to_ring()
    {
        var bell = EventFd.Create();
        bell.Dispose();

        Assert.Throws<ObjectDisposedException>(bell.Ring);
        Assert.Throws<ObjectDisposedException>(() => bell.Drain());
    }

    [Fact]
    public void Ringing_something_that_is_no_open_descriptor_fails_with_the_call_and_the_name_of_the_error()
    {
        using var nothing = new EventFd(int.MaxValue);

        var failure = Assert.Throws<NativeFailure>(nothing.Ring);

        Assert.Equal("write(eventfd)", failure.Call);
        Assert.Equal(9, failure.Errno);
        Assert.Equal("EBADF", failure.ErrnoName);
        Assert.Contains("EBADF", failure.Message, StringComparison.Ordinal);
    }
}
