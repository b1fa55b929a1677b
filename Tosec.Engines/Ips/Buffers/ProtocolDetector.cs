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
        if (server.StartsWith("220"u8) && ByGreeting(client) is { } greeted) return greeted;
        if (client.StartsWith("SSH-"u8)) return AppProtocol.Ssh;
        if (client.Length >= 6 && TlsReader.CanBegin(client)) return AppProtocol.Tls;
        if (IsSmb(client)) return AppProtocol.Smb;
        if (serverPort == DnsPort && client.Length >= 8 && DnsReader.CanBegin(client)) return AppProtocol.Dns;
        return ByLine(client) ?? (MayBecome(client, serverPort) ? AppProtocol.Unknown : AppProtocol.Other);
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

    private static AppProtocol? ByLine(ReadOnlySpan<byte> client)
    {
        // Servers overlook empty lines before a request, and so must we.
        var text = client.TrimStart("\r\n \t"u8);
        foreach (var method in _methods)
            if (text.Length >= method.Length && Ascii.EqualsIgnoreCase(text[..method.Length], method)) return AppProtocol.Http;
        var end = text.IndexOf((byte)'\n');
        if (end < 0) return null;
        var line = text[..end].TrimEnd("\r \t"u8);
        var version = line.LastIndexOf(" HTTP/"u8);
        if (version < 0) version = line.LastIndexOf("\tHTTP/"u8);
        return version > 0 && line.Length - version <= " HTTP/1.10".Length ? AppProtocol.Http : AppProtocol.Other;
    }

    private static bool MayBecome(ReadOnlySpan<byte> client, int serverPort)
    {
        if (client.Length >= Limit) return false;
        if (client.Length < 8 && (TlsReader.CanBegin(client) || SshReader.CanBegin(client) || client[0] == 0)) return true;
        if (client.Length < 8 && serverPort == DnsPort) return true;

        // A request line, as far as it goes: what no server takes for text is not one.
        return client.IndexOfAnyInRange((byte)0, (byte)8) < 0;
    }

    private static bool Begins(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> word) =>
        bytes.Length >= word.Length && Ascii.EqualsIgnoreCase(bytes[..word.Length], word);
}
