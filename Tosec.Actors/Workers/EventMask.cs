using Tosec.Transport.Shm.Interop;

namespace Tosec.Actors.Workers;

/// <summary>What a source waits for and what it is told, as bits to be combined.</summary>
public static class EventMask
{
    /// <summary>Something can be read, or a connection accepted.</summary>
    public const uint Readable = Epoll.EPOLLIN;

    /// <summary>There is room to write, or a connection attempt has ended.</summary>
    public const uint Writable = Epoll.EPOLLOUT;

    /// <summary>Out-of-band data.</summary>
    public const uint Priority = Epoll.EPOLLPRI;

    /// <summary>An error is pending. Always reported, whether asked for or not.</summary>
    public const uint Error = Epoll.EPOLLERR;

    /// <summary>Both directions are over. Always reported, whether asked for or not.</summary>
    public const uint HangUp = Epoll.EPOLLHUP;

    /// <summary>The peer will not write any more.</summary>
    public const uint PeerClosed = Epoll.EPOLLRDHUP;

    /// <summary>Report changes only, instead of the state each time.</summary>
    public const uint EdgeTriggered = Epoll.EPOLLET;
}
