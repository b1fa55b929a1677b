using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Interop;

/// <summary>
/// A system call that was refused. It only describes; whether to retry, to stop or to give up is decided by who catches it.
/// </summary>
public sealed class NativeFailure : Exception
{
    private NativeFailure(string call, int errno, string message) : base(message)
    {
        Call = call;
        Errno = errno;
    }

    /// <summary>The call as the manual names it, with what it was asked for where that helps: <c>epoll_ctl(ADD, 17)</c>.</summary>
    public string Call { get; }

    /// <summary>The Linux error number.</summary>
    public int Errno { get; }

    /// <summary>The symbol of <see cref="Errno"/>, such as <c>EMFILE</c>; <c>E?</c> for a number that is not listed.</summary>
    public string ErrnoName => NameOf(Errno);

    /// <summary>
    /// Makes the exception. The caller has saved <paramref name="errno"/> with <see cref="Marshal.GetLastPInvokeError"/> as
    /// the first thing after the call: any managed code in between may overwrite it, building the string included.
    /// </summary>
    public static NativeFailure From(int errno, string call) =>
        new(call, errno, $"{call} failed with {NameOf(errno)} ({errno}): {Marshal.GetPInvokeErrorMessage(errno)}");

    /// <summary>The symbol of a Linux error number, <c>E?</c> if it is none of those a caller here can meet.</summary>
    public static string NameOf(int errno) => errno switch
    {
        1 => "EPERM",
        Errnos.ENOENT => "ENOENT",
        3 => "ESRCH",
        Errnos.EINTR => "EINTR",
        5 => "EIO",
        6 => "ENXIO",
        7 => "E2BIG",
        Errnos.EBADF => "EBADF",
        10 => "ECHILD",
        Errnos.EAGAIN => "EAGAIN",
        12 => "ENOMEM",
        13 => "EACCES",
        14 => "EFAULT",
        16 => "EBUSY",
        Errnos.EEXIST => "EEXIST",
        19 => "ENODEV",
        20 => "ENOTDIR",
        21 => "EISDIR",
        Errnos.EINVAL => "EINVAL",
        23 => "ENFILE",
        24 => "EMFILE",
        25 => "ENOTTY",
        26 => "ETXTBSY",
        27 => "EFBIG",
        28 => "ENOSPC",
        29 => "ESPIPE",
        30 => "EROFS",
        32 => "EPIPE",
        34 => "ERANGE",
        36 => "ENAMETOOLONG",
        38 => "ENOSYS",
        40 => "ELOOP",
        71 => "EPROTO",
        75 => "EOVERFLOW",
        88 => "ENOTSOCK",
        89 => "EDESTADDRREQ",
        90 => "EMSGSIZE",
        91 => "EPROTOTYPE",
        92 => "ENOPROTOOPT",
        93 => "EPROTONOSUPPORT",
        95 => "EOPNOTSUPP",
        97 => "EAFNOSUPPORT",
        98 => "EADDRINUSE",
        99 => "EADDRNOTAVAIL",
        100 => "ENETDOWN",
        101 => "ENETUNREACH",
        103 => "ECONNABORTED",
        104 => "ECONNRESET",
        105 => "ENOBUFS",
        106 => "EISCONN",
        107 => "ENOTCONN",
        110 => "ETIMEDOUT",
        111 => "ECONNREFUSED",
        112 => "EHOSTDOWN",
        113 => "EHOSTUNREACH",
        114 => "EALREADY",
        115 => "EINPROGRESS",
        125 => "ECANCELED",
        130 => "EOWNERDEAD",
        _ => "E?",
    };
}

/// <summary>The error numbers that code here decides by. Linux has the same ones on x86-64 and on arm64.</summary>
internal static class Errnos
{
    internal const int EINTR = 4;
    internal const int EBADF = 9;
    internal const int EAGAIN = 11;
    internal const int EEXIST = 17;
    internal const int EINVAL = 22;
    internal const int ENOENT = 2;
}
