using System.Text;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Buffers;

/// <summary>Tells from the first bytes of both sides what a connection speaks. Pure functions.</summary>
internal static class ProtocolDetector
{
    /// <summary>So many bytes of the client without an answer: it is none of the protocols.</summary>
    public const int Limit = 8 * 1024;

    private const int DnsPort = 53;

    private static readonly string[] _methods =
    [
        "GET ", "POST ", "HEAD ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "TRACE ", "CONNECT ", "PROPFIND ", "PROPPATCH ", "MKCOL ",
        "COPY ", "MOVE ", "LOCK ", "UNLOCK ", "REPORT ", "SEARCH ", "PRI ",
    ];

    /// <summary><see cref="AppProtocol.Unknown"/>: more bytes are needed.</summary>
    /// <param name="client">The client's stream from its first byte on, or as much of it as there is.</param>
    /// <param name="server">The same of the server.</param>
    /// <param name="serverPort">Where the client has connected to.</param>
    public static AppProtocol Detect(ReadOnlySpan<byte> client, ReadOnlySpan<byte> server, int serverPort)
    {
        if (client.IsEmpty)
            return server.StartsWith("SSH-"u8) ? AppProtocol.Ssh : AppProtocol.Unknown;
        client = client[..Math.Min(client.Length, Limit)];
        if (server.StartsWith("220"u8) && ByGreeting(client) is { } greeted) return greeted;
        if (client.StartsWith("SSH-"u8)) return AppProtocol.Ssh;
        if (client.Length >= 6 && TlsReader.CanBegin(client)) return AppProtocol.Tls;
        if (IsSmb(client)) return AppProtocol.Smb;
        if (serverPort == DnsPort && client.Length >= 8 && DnsReader.CanBegin(client)) return AppProtocol.Dns;
        return MayBeBinary(client, serverPort) ? AppProtocol.Unknown : ByLine(client);
    }

    private static AppProtocol? ByGreeting(ReadOnlySpan<byte> client)
    {
        if (client.Length < 5) return AppProtocol.Unknown;
        if (Begins(client, "EHLO "u8) || Begins(client, "HELO "u8) || Begins(client, "MAIL "u8)) return AppProtocol.Smtp;
        if (Begins(client, "USER "u8) || Begins(client, "AUTH "u8) || Begins(client, "FEAT\r"u8)) return AppProtocol.Ftp;
        return null;
    }

    private static bool IsSmb(ReadOnlySpan<byte> client) =>
        client.Length >= 8 && client[0] == 0 && client[5..8].SequenceEqual("SMB"u8) && client[4] is 0xff or 0xfe;

    // The first bytes of a protocol whose sign needs more of them.
    private static bool MayBeBinary(ReadOnlySpan<byte> client, int serverPort) =>
        client.Length < 8 && (client[0] == 0 || serverPort == DnsPort || TlsReader.CanBegin(client) || SshReader.CanBegin(client));

    private static AppProtocol ByLine(ReadOnlySpan<byte> client)
    {
        // Servers overlook empty lines before a request, and so must we.
        var text = client.TrimStart("\r\n \t"u8);
        var end = text.IndexOf((byte)'\n');
        var line = end < 0 ? text : text[..end];

        // What no server takes for text is no request line, however it ends.
        if (line.IndexOfAnyInRange((byte)0, (byte)8) >= 0) return AppProtocol.Other;
        if (end < 0 && client.Length < Limit) return AppProtocol.Unknown;
        line = line.TrimEnd("\r \t"u8);
        var version = Math.Max(line.LastIndexOf(" HTTP/"u8), line.LastIndexOf("\tHTTP/"u8));
        return (version > 0 && line.Length - version <= " HTTP/1.10".Length) || AsksForPath(line) ? AppProtocol.Http : AppProtocol.Other;
    }

    // Some servers answer a request line without a version (HTTP/0.9). Other protocols have such words too, but no path behind them.
    private static bool AsksForPath(ReadOnlySpan<byte> line)
    {
        foreach (var method in _methods)
        {
            if (line.Length <= method.Length || !Ascii.EqualsIgnoreCase(line[..method.Length], method)) continue;
            var target = line[method.Length..].TrimStart(" \t"u8);
            return target.StartsWith("/"u8) || Begins(target, "http:"u8);
        }

        return false;
    }

    private static bool Begins(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> word) =>
        bytes.Length >= word.Length && Ascii.EqualsIgnoreCase(bytes[..word.Length], word);
}
