namespace Tosec.Actors.Toe;

/// <summary>Errors that the guest is told, by Linux's numbers.</summary>
internal static class Errno
{
    internal const int EAGAIN = 11;
    internal const int EBADF = 9;
    internal const int EACCES = 13;
    internal const int EINVAL = 22;
    internal const int EPIPE = 32;
    internal const int EMFILE = 24;
    internal const int EPROTO = 71;
    internal const int EPROTONOSUPPORT = 93;
    internal const int EOPNOTSUPP = 95;
    internal const int EAFNOSUPPORT = 97;
    internal const int EADDRINUSE = 98;
    internal const int EADDRNOTAVAIL = 99;
    internal const int ENOPROTOOPT = 92;
    internal const int ECONNABORTED = 103;
    internal const int ECONNRESET = 104;
    internal const int EISCONN = 106;
    internal const int ENOTCONN = 107;
    internal const int EINPROGRESS = 115;
    internal const int EALREADY = 114;
    internal const int EHOSTUNREACH = 113;
    internal const int ECONNREFUSED = 111;
}
