using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tosec.Transport.Shm.Interop;

/// <summary>One ready descriptor. This is our form; <see cref="Epoll.Wait"/> translates the kernel's, which differs by CPU.</summary>
/// <param name="Events">A set of the EPOLL constants of <see cref="Epoll"/>.</param>
/// <param name="Token">What the descriptor was added with.</param>
internal readonly record struct EpollEvent(uint Events, ulong Token);

/// <summary>
/// A kernel set of descriptors to wait for. It holds no reference on them: their owners remove them before they close them,
/// because a number that is used again would otherwise answer under the old token. The kernel allows every call from any
/// thread; closing the set while another thread waits in it does not wake that thread.
/// </summary>
internal sealed unsafe partial class Epoll : SafeHandleZeroOrMinusOneIsInvalid
{
    internal const uint EPOLLIN = 0x1;
    internal const uint EPOLLPRI = 0x2;
    internal const uint EPOLLOUT = 0x4;
    internal const uint EPOLLERR = 0x8;
    internal const uint EPOLLHUP = 0x10;
    internal const uint EPOLLRDHUP = 0x2000;
    internal const uint EPOLLET = 1u << 31;

    /// <summary>The most events that one <see cref="Wait"/> returns, whatever room it is given; bounds its stack.</summary>
    internal const int MaxEvents = 256;

    private const int EPOLL_CLOEXEC = 0x80000;
    private const int EPOLL_CTL_ADD = 1;
    private const int EPOLL_CTL_DEL = 2;
    private const int EPOLL_CTL_MOD = 3;

    // struct epoll_event is packed on x86-64 only: there the token follows the events at once, elsewhere it is aligned to 8.
    private static readonly int _tokenOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;
    private static readonly int _nativeSize = _tokenOffset + sizeof(ulong);

    // The marshaller fills in the descriptor.
    public Epoll() : base(ownsHandle: true)
    {
    }

    /// <summary>Makes an empty set, closed on exec.</summary>
    /// <exception cref="NativeFailure">The process or the system has no descriptor left (EMFILE, ENFILE, ENOMEM).</exception>
    public static Epoll Create()
    {
        var created = CreateEpoll(EPOLL_CLOEXEC);
        var errno = Marshal.GetLastPInvokeError();
        if (created.IsInvalid)
            throw NativeFailure.From(errno, "epoll_create1");
        return created;
    }

    /// <summary>Starts to watch a descriptor; its events carry <paramref name="token"/>. Errors and hang-ups always report.</summary>
    /// <exception cref="NativeFailure">Already added (EEXIST), not open (EBADF), not pollable (EPERM), no memory.</exception>
    public void Add(int descriptor, uint events, ulong token) => Control(EPOLL_CTL_ADD, "ADD", descriptor, events, token);

    /// <summary>Replaces events and token of a watched descriptor.</summary>
    /// <exception cref="NativeFailure">Not in the set (ENOENT), not open (EBADF).</exception>
    public void Modify(int descriptor, uint events, ulong token) => Control(EPOLL_CTL_MOD, "MOD", descriptor, events, token);

    /// <summary>Stops watching. Events of it that an earlier <see cref="Wait"/> has returned are still in the caller's hands.</summary>
    /// <exception cref="NativeFailure">Not in the set (ENOENT), not open (EBADF).</exception>
    public void Remove(int descriptor) => Control(EPOLL_CTL_DEL, "DEL", descriptor, 0, 0);

    /// <summary>Waits until something is ready or the time is over.</summary>
    /// <param name="events">Filled from the start; at most <see cref="MaxEvents"/> of it is used. Not empty.</param>
    /// <param name="timeoutMilliseconds">0 only looks, -1 waits without end.</param>
    /// <returns>How many events there are: 0 when the time is over, and also when a signal came in between.</returns>
    /// <exception cref="NativeFailure">The set itself is unusable.</exception>
    public int Wait(Span<EpollEvent> events, int timeoutMilliseconds)
    {
        var room = Math.Min(events.Length, MaxEvents);
        var native = stackalloc byte[room * _nativeSize];
        var ready = WaitForEvents(this, native, room, timeoutMilliseconds);
        if (ready < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            if (errno == Errnos.EINTR)
                return 0;
            throw NativeFailure.From(errno, "epoll_wait");
        }

        for (var i = 0; i < ready; i++)
        {
            var entry = new ReadOnlySpan<byte>(native + (i * _nativeSize), _nativeSize);
            events[i] = new EpollEvent(
                MemoryMarshal.Read<uint>(entry),
                MemoryMarshal.Read<ulong>(entry[_tokenOffset..]));
        }

        return ready;
    }

    // A failed close of an epoll set leaves nothing behind: Linux frees the number before it reports.
    protected override bool ReleaseHandle() => Close((int)handle) == 0;

    private void Control(int operation, string name, int descriptor, uint events, ulong token)
    {
        var native = stackalloc byte[_nativeSize];
        var entry = new Span<byte>(native, _nativeSize);
        entry.Clear();
        MemoryMarshal.Write(entry, in events);
        MemoryMarshal.Write(entry[_tokenOffset..], in token);
        if (ControlEpoll(this, operation, descriptor, native) == 0)
            return;
        var errno = Marshal.GetLastPInvokeError();
        throw NativeFailure.From(errno, $"epoll_ctl({name}, {descriptor})");
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    private static partial Epoll CreateEpoll(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    private static partial int ControlEpoll(Epoll set, int operation, int descriptor, byte* entry);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    private static partial int WaitForEvents(Epoll set, byte* entries, int room, int timeoutMilliseconds);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int Close(int descriptor);
}
