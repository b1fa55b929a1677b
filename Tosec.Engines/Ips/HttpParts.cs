using System.Globalization;
using System.Text;
using Tosec.Engines.Http;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips;

/// <summary>Cuts an HTTP message into the parts that rules look into. Pure functions; what no rule needs is not made.</summary>
internal static class HttpParts
{
    private static readonly (byte[] Name, BufferKind Kind)[] _requestFields =
    [
        ("user-agent"u8.ToArray(), BufferKind.HttpUserAgent),
        ("host"u8.ToArray(), BufferKind.HttpHostRaw),
        ("cookie"u8.ToArray(), BufferKind.HttpCookie),
        ("referer"u8.ToArray(), BufferKind.HttpReferer),
        ("accept"u8.ToArray(), BufferKind.HttpAccept),
        ("accept-encoding"u8.ToArray(), BufferKind.HttpAcceptEncoding),
        ("accept-language"u8.ToArray(), BufferKind.HttpAcceptLanguage),
        ("connection"u8.ToArray(), BufferKind.HttpConnection),
        ("content-length"u8.ToArray(), BufferKind.HttpContentLength),
        ("content-type"u8.ToArray(), BufferKind.HttpContentType),
    ];

    private static readonly (byte[] Name, BufferKind Kind)[] _responseFields =
    [
        ("set-cookie"u8.ToArray(), BufferKind.HttpCookie),
        ("location"u8.ToArray(), BufferKind.HttpLocation),
        ("server"u8.ToArray(), BufferKind.HttpServer),
        ("connection"u8.ToArray(), BufferKind.HttpConnection),
        ("content-length"u8.ToArray(), BufferKind.HttpContentLength),
        ("content-type"u8.ToArray(), BufferKind.HttpContentType),
    ];

    public static void AddRequestLine(MessageInspection message, HttpMessage request)
    {
        // Method, target and version are in events too, so they are kept whatever rules need.
        var parts = message.Buffers;
        parts.Add(BufferKind.HttpMethod, request.Method);
        parts.Add(BufferKind.HttpUriRaw, request.Target);
        parts.Add(BufferKind.HttpProtocol, request.Protocol);
        if (message.Needs(BufferKind.HttpUri))
        {
            var begin = parts.Begin();
            parts.Piece(request.Path);
            if (request.HasQuery)
            {
                parts.Piece((byte)'?');
                parts.Piece(request.Query);
            }

            parts.Finish(BufferKind.HttpUri, begin);
        }

        if (message.Needs(BufferKind.HttpRequestLine)) parts.Add(BufferKind.HttpRequestLine, Line(request));
    }

    public static void AddStatusLine(MessageInspection message, HttpMessage response)
    {
        var parts = message.Buffers;
        parts.Add(BufferKind.HttpProtocol, response.Protocol);
        if (message.Needs(BufferKind.HttpResponseLine)) parts.Add(BufferKind.HttpResponseLine, Line(response));
        if (message.Needs(BufferKind.HttpStatusMessage)) parts.Add(BufferKind.HttpStatusMessage, response.Reason);
        if (!message.Needs(BufferKind.HttpStatusCode)) return;
        Span<byte> digits = stackalloc byte[11];
        response.Status.TryFormat(digits, out var length, default, CultureInfo.InvariantCulture);
        parts.Add(BufferKind.HttpStatusCode, digits[..length]);
    }

    public static void AddFields(MessageInspection message, HttpMessage head, Sides side)
    {
        foreach (var (name, kind) in side == Sides.ToServer ? _requestFields : _responseFields)
        {
            // Events tell of these two.
            if (!message.Needs(kind) && kind is not (BufferKind.HttpUserAgent or BufferKind.HttpHostRaw)) continue;
            if (head.TryGet(name, out var field)) message.Buffers.Add(kind, field.Value);
        }

        if (message.Needs(BufferKind.HttpHost)) AddHost(message, head);
        if (message.Needs(BufferKind.HttpHeader)) AddHeader(message, head, side);
        if (message.Needs(BufferKind.HttpHeaderNames)) AddNames(message, head, side);
        if (message.Needs(BufferKind.HttpHeaderRaw)) message.Buffers.Add(BufferKind.HttpHeaderRaw, head.RawFields);
        if (message.Needs(BufferKind.HttpStart)) AddStart(message, head);
        if (message.Needs(BufferKind.HttpField))
        {
            for (var i = 0; i < head.FieldCount; i++)
            {
                var begin = message.Buffers.Begin();
                Piece(message, head.FieldAt(i));
                message.Buffers.Finish(BufferKind.HttpField, begin);
            }
        }
    }

    private static ReadOnlySpan<byte> Line(HttpMessage head) => head.Line.TrimEnd("\r\n"u8);

    private static void AddHost(MessageInspection message, HttpMessage head)
    {
        var host = head.TryGet("host"u8, out var field) ? field.Value : default;

        // A host in the target counts more than the field (RFC 9112, section 3.2.2).
        var target = message.Buffers.Find(BufferKind.HttpUriRaw);
        var scheme = target.IndexOf("://"u8);
        if (scheme > 0 && !target[..scheme].Contains((byte)'/'))
        {
            host = target[(scheme + 3)..];
            var end = host.IndexOfAny("/?#"u8);
            if (end >= 0) host = host[..end];
            host = host[(host.LastIndexOf((byte)'@') + 1)..];
        }

        if (host.IsEmpty) return;

        // The port goes, also behind the bracket of an IPv6 address.
        var colon = host.LastIndexOf((byte)':');
        if (colon > host.LastIndexOf((byte)']')) host = host[..colon];

        // Copied before it is written: both may lie in the same memory, which moves when it grows.
        Span<byte> lower = host.Length <= 512 ? stackalloc byte[host.Length] : new byte[host.Length];
        for (var i = 0; i < host.Length; i++) lower[i] = host[i] is >= (byte)'A' and <= (byte)'Z' ? (byte)(host[i] | 0x20) : host[i];
        message.Buffers.Add(BufferKind.HttpHost, lower);
    }

    // Cookies have a buffer of their own, and are left out here as they are in Suricata.
    private static bool IsCookie(ReadOnlySpan<byte> name, Sides side) =>
        Ascii.EqualsIgnoreCase(name, side == Sides.ToServer ? "cookie"u8 : "set-cookie"u8);

    private static void AddHeader(MessageInspection message, HttpMessage head, Sides side)
    {
        var begin = message.Buffers.Begin();
        for (var i = 0; i < head.FieldCount; i++)
        {
            var field = head.FieldAt(i);
            if (IsCookie(field.Name, side)) continue;
            Piece(message, field);
            message.Buffers.Piece("\r\n"u8);
        }

        message.Buffers.Finish(BufferKind.HttpHeader, begin);
    }

    private static void AddNames(MessageInspection message, HttpMessage head, Sides side)
    {
        var begin = message.Buffers.Begin();
        message.Buffers.Piece("\r\n"u8);
        for (var i = 0; i < head.FieldCount; i++)
        {
            var field = head.FieldAt(i);
            if (IsCookie(field.Name, side)) continue;
            message.Buffers.Piece(field.Name);
            message.Buffers.Piece("\r\n"u8);
        }

        message.Buffers.Piece("\r\n"u8);
        message.Buffers.Finish(BufferKind.HttpHeaderNames, begin);
    }

    private static void AddStart(MessageInspection message, HttpMessage head)
    {
        var begin = message.Buffers.Begin();
        message.Buffers.Piece(Line(head));
        message.Buffers.Piece("\r\n"u8);
        message.Buffers.Piece(head.RawFields);
        message.Buffers.Finish(BufferKind.HttpStart, begin);
    }

    private static void Piece(MessageInspection message, HttpField field)
    {
        message.Buffers.Piece(field.Name);
        message.Buffers.Piece(": "u8);
        message.Buffers.Piece(field.Value);
    }
}
