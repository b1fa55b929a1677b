namespace Tosec.Actors.Toe;

/// <summary>
/// The socket options that a guest may set or read on its kernel socket. Everything else is refused: options exist that reach beyond
/// the socket (binding to devices, marks, transparent proxying), and those of a kernel to come are unknown.
/// </summary>
internal static class SocketOptions
{
    internal const int SOL_SOCKET = 1;
    internal const int IPPROTO_IPV6 = 41;
    internal const int IPV6_V6ONLY = 26;

    private const int IPPROTO_IP = 0;
    private const int IPPROTO_TCP = 6;

    internal static bool MaySet(int level, int name) => (level, name) switch
    {
        // REUSEADDR, BROADCAST (which Go sets on all sockets), SNDBUF, RCVBUF, KEEPALIVE, OOBINLINE, PRIORITY, LINGER, REUSEPORT, RCVLOWAT
        (SOL_SOCKET, 2 or 6 or 7 or 8 or 9 or 10 or 12 or 13 or 15 or 18) => true,
        // NODELAY, MAXSEG, CORK, KEEPIDLE, KEEPINTVL, KEEPCNT, SYNCNT, LINGER2, DEFER_ACCEPT, WINDOW_CLAMP, QUICKACK, USER_TIMEOUT,
        // NOTSENT_LOWAT
        (IPPROTO_TCP, 1 or 2 or 3 or 4 or 5 or 6 or 7 or 8 or 9 or 10 or 12 or 18 or 25) => true,
        // TOS, TTL, MTU_DISCOVER, RECVERR, BIND_ADDRESS_NO_PORT
        (IPPROTO_IP, 1 or 2 or 10 or 11 or 24) => true,
        // UNICAST_HOPS, RECVERR, V6ONLY, TCLASS
        (IPPROTO_IPV6, 16 or 25 or IPV6_V6ONLY or 67) => true,
        _ => false,
    };

    // TCP_INFO and TCP_CONGESTION are told, not set.
    internal static bool MayGet(int level, int name) => MaySet(level, name) || (level, name) is (IPPROTO_TCP, 11 or 13) or (SOL_SOCKET, 38 or 39);
}
