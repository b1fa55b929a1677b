using System.Buffers;
using System.Text;

namespace Tosec.Engines.Http;

/// <summary>
/// What makes a message unacceptable before any rule looks at it: everything that a server could read differently from us. Each
/// answer is the reason for people, or null. Pure functions; any thread.
/// </summary>
internal static class HttpStrictness
{
    private static readonly SearchValues<byte> _tokenBytes = SearchValues.Create(
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    /// <summary>Can this byte begin a request? Lines without text before it are not looked at.</summary>
    public static bool CanBegin(ReadOnlySpan<byte> bytes)
    {
        var first = bytes.IndexOfAnyExcept("\r\n"u8);
        return first < 0 || _tokenBytes.Contains(bytes[first]);
    }

    public static string? RequestLine(HttpMessage request)
    {
        if (!request.Protocol.SequenceEqual("HTTP/1.1"u8) && !request.Protocol.SequenceEqual("HTTP/1.0"u8))
        {
            return request.Protocol.StartsWith("HTTP/2"u8)
                ? "HTTP/2 without inspection"
                : "not an HTTP/1.x request";
        }

        if ((request.Flaws & HttpFlaws.Nul) != 0) return "NUL in the request line";
        if ((request.Flaws & (HttpFlaws.BareCr | HttpFlaws.BareLf)) != 0) return "carriage return in the request line";
        if (request.Method.IsEmpty || request.Method.ContainsAnyExcept(_tokenBytes)) return "malformed method";
        if (request.Method.SequenceEqual("CONNECT"u8)) return "CONNECT";
        if (request.Method.SequenceEqual("PRI"u8)) return "HTTP/2 without inspection";
        if (request.Target.IsEmpty || request.Target.ContainsAnyInRange((byte)0, (byte)0x20) || request.Target.Contains((byte)0x7f))
            return "malformed request target";
        return null;
    }

    public static string? RequestHead(HttpMessage request)
    {
        if (FlawsOf(request.Flaws) is { } flaw) return flaw;
        for (var i = 0; i < request.FieldCount; i++)
        {
            var field = request.FieldAt(i);
            if (field.Name.IsEmpty || field.Name.ContainsAnyExcept(_tokenBytes)) return "malformed field name";
            if (field.Repeated && IsSingle(field.Name)) return "repeated " + Encoding.ASCII.GetString(field.Name);
        }

        var hasLength = request.TryGet("content-length"u8, out var length);
        if (hasLength && (length.Value.IsEmpty || length.Value.ContainsAnyExceptInRange((byte)'0', (byte)'9')))
            return "malformed Content-Length";
        if (request.TryGet("transfer-encoding"u8, out var coding))
        {
            if (hasLength) return "Content-Length and Transfer-Encoding";
            if (!Ascii.EqualsIgnoreCase(coding.Value, "chunked"u8)) return "Transfer-Encoding other than chunked";
            if (!request.Protocol.SequenceEqual("HTTP/1.1"u8)) return "Transfer-Encoding in HTTP/1.0";
            if (request.Framing != HttpFraming.Chunked) return "ambiguous body";
        }
        else if (request.Framing is not (HttpFraming.None or HttpFraming.Length))
        {
            return "ambiguous body";
        }

        if (request.TryGet("content-encoding"u8, out var packing) && !IsUnpacked(packing.Value))
            return "Content-Encoding that cannot be inspected";
        if (request.TryGet("http2-settings"u8, out _)) return "HTTP/2 without inspection";
        if (request.TryGet("upgrade"u8, out var upgrade) && Names(upgrade.Value, "h2c"u8)) return "HTTP/2 without inspection";
        return null;
    }

    public static string? ResponseHead(HttpMessage response)
    {
        if ((response.Flaws & HttpFlaws.Unmatched) != 0) return "response without a request";
        if ((response.Flaws & HttpFlaws.StatusLine) != 0 || !response.Protocol.StartsWith("HTTP/1."u8)) return "malformed status line";
        if ((response.Flaws & HttpFlaws.Smuggling) != 0) return "ambiguous response body";
        if ((response.Flaws & HttpFlaws.TooManyFields) != 0) return "too many response fields";
        if ((response.Flaws & HttpFlaws.Nul) != 0) return "NUL in a response field";
        if (response.Framing == HttpFraming.Invalid) return "ambiguous response body";
        return response.Status is 102 or 103 ? "interim response other than 100" : null;
    }

    /// <summary>Does a comma-separated list contain this token, with or without a version?</summary>
    public static bool Names(ReadOnlySpan<byte> list, ReadOnlySpan<byte> token)
    {
        foreach (var range in list.Split((byte)','))
        {
            var item = Trim(list[range]);
            var end = item.IndexOf((byte)'/');
            if (Ascii.EqualsIgnoreCase(end < 0 ? item : item[..end], token)) return true;
        }

        return false;
    }

    /// <summary>Without the blanks around it.</summary>
    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> text) => text.Trim(" \t"u8);

    // "deflate" is two formats to servers.
    private static bool IsUnpacked(ReadOnlySpan<byte> coding) =>
        Ascii.EqualsIgnoreCase(coding, "gzip"u8) || Ascii.EqualsIgnoreCase(coding, "x-gzip"u8) || Ascii.EqualsIgnoreCase(coding, "identity"u8);

    private static string? FlawsOf(HttpFlaws flaws)
    {
        if ((flaws & HttpFlaws.Smuggling) != 0) return "request smuggling";
        if ((flaws & HttpFlaws.TransferEncoding) != 0) return "malformed Transfer-Encoding";
        if ((flaws & HttpFlaws.ContentLength) != 0) return "malformed Content-Length";
        if ((flaws & HttpFlaws.Nul) != 0) return "NUL in the head";
        if ((flaws & HttpFlaws.Control) != 0) return "control character in a field";
        if ((flaws & HttpFlaws.BareCr) != 0) return "carriage return without line feed";
        if ((flaws & HttpFlaws.BareLf) != 0) return "line feed without carriage return";
        if ((flaws & HttpFlaws.Folded) != 0) return "folded field";
        if ((flaws & HttpFlaws.Host) != 0) return "malformed or ambiguous Host";
        if ((flaws & HttpFlaws.TooManyFields) != 0) return "too many fields";
        if ((flaws & HttpFlaws.Field) != 0) return "malformed field";
        if ((flaws & HttpFlaws.Request) != 0) return "malformed request";
        return null;
    }

    private static bool IsSingle(ReadOnlySpan<byte> name) =>
        Ascii.EqualsIgnoreCase(name, "host"u8) || Ascii.EqualsIgnoreCase(name, "content-length"u8)
        || Ascii.EqualsIgnoreCase(name, "transfer-encoding"u8) || Ascii.EqualsIgnoreCase(name, "content-type"u8)
        || Ascii.EqualsIgnoreCase(name, "content-encoding"u8) || Ascii.EqualsIgnoreCase(name, "expect"u8);
}
