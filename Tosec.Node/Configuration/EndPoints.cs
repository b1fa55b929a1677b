using System.Globalization;
using System.Net;

namespace Tosec.Node.Configuration;

/// <summary>Host-and-port texts.</summary>
internal static class EndPoints
{
    /// <summary>Reads <c>host:port</c> or <c>[v6]:port</c>; the port is not 0.</summary>
    public static (bool IsValid, DnsEndPoint Value) Parse(string text)
    {
        var colon = text.LastIndexOf(':');
        if (colon <= 0 || !ushort.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            || port == 0)
            return (false, null!);
        var host = text[..colon];
        var isBracketed = host.StartsWith('[') && host.EndsWith(']');
        if (isBracketed)
            host = host[1..^1];
        var kind = Uri.CheckHostName(host);
        return kind == UriHostNameType.Unknown || isBracketed != (kind == UriHostNameType.IPv6)
            ? (false, null!)
            : (true, new DnsEndPoint(Canonical(host), port));
    }

    /// <summary>One spelling for an address, because members compare each other's as texts.</summary>
    public static string Canonical(string host) =>
        IPAddress.TryParse(host, out var address) ? address.ToString() : host.ToLowerInvariant();

    public static bool IsLoopback(string host) =>
        host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
