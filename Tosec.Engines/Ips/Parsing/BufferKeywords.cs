using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>Sticky buffers, their older spellings, and transforms.</summary>
internal static class BufferKeywords
{
    private static readonly (string Keyword, BufferKind Kind, Sides Sides)[] _sticky =
    [
        ("http.method", BufferKind.HttpMethod, Sides.ToServer),
        ("http.uri", BufferKind.HttpUri, Sides.ToServer),
        ("http.uri.raw", BufferKind.HttpUriRaw, Sides.ToServer),
        ("http.header", BufferKind.HttpHeader, Sides.Both),
        ("http.header.raw", BufferKind.HttpHeaderRaw, Sides.Both),
        ("http.header_names", BufferKind.HttpHeaderNames, Sides.Both),
        ("http.host", BufferKind.HttpHost, Sides.ToServer),
        ("http.host.raw", BufferKind.HttpHostRaw, Sides.ToServer),
        ("http.user_agent", BufferKind.HttpUserAgent, Sides.ToServer),
        ("http.cookie", BufferKind.HttpCookie, Sides.Both),
        ("http.referer", BufferKind.HttpReferer, Sides.ToServer),
        ("http.accept", BufferKind.HttpAccept, Sides.ToServer),
        ("http.accept_enc", BufferKind.HttpAcceptEncoding, Sides.ToServer),
        ("http.accept_lang", BufferKind.HttpAcceptLanguage, Sides.ToServer),
        ("http.connection", BufferKind.HttpConnection, Sides.Both),
        ("http.content_len", BufferKind.HttpContentLength, Sides.Both),
        ("http.content_type", BufferKind.HttpContentType, Sides.Both),
        ("http.location", BufferKind.HttpLocation, Sides.ToClient),
        ("http.server", BufferKind.HttpServer, Sides.ToClient),
        ("http.start", BufferKind.HttpStart, Sides.Both),
        ("http.protocol", BufferKind.HttpProtocol, Sides.Both),
        ("http.request_line", BufferKind.HttpRequestLine, Sides.ToServer),
        ("http.response_line", BufferKind.HttpResponseLine, Sides.ToClient),
        ("http.request_header", BufferKind.HttpField, Sides.ToServer),
        ("http.response_header", BufferKind.HttpField, Sides.ToClient),
        ("http.request_body", BufferKind.HttpBody, Sides.ToServer),
        ("http.response_body", BufferKind.HttpBody, Sides.ToClient),
        ("http.stat_code", BufferKind.HttpStatusCode, Sides.ToClient),
        ("http.stat_msg", BufferKind.HttpStatusMessage, Sides.ToClient),
        ("file.data", BufferKind.HttpBody, Sides.Both),
        ("file_data", BufferKind.HttpBody, Sides.Both),
        ("pkt_data", BufferKind.Payload, Sides.Both),
        ("tls.sni", BufferKind.TlsSni, Sides.ToServer),
        ("tls_sni", BufferKind.TlsSni, Sides.ToServer),
        ("dns.query", BufferKind.DnsQuery, Sides.ToServer),
        ("dns_query", BufferKind.DnsQuery, Sides.ToServer),
        ("ssh.proto", BufferKind.SshProtocol, Sides.Both),
        ("ssh_proto", BufferKind.SshProtocol, Sides.Both),
        ("ssh.software", BufferKind.SshSoftware, Sides.Both),
        ("ssh_software", BufferKind.SshSoftware, Sides.Both),
    ];

    private static readonly (string Keyword, BufferKind Kind, Sides Sides)[] _modifiers =
    [
        ("http_method", BufferKind.HttpMethod, Sides.ToServer),
        ("http_uri", BufferKind.HttpUri, Sides.ToServer),
        ("http_raw_uri", BufferKind.HttpUriRaw, Sides.ToServer),
        ("http_header", BufferKind.HttpHeader, Sides.Both),
        ("http_raw_header", BufferKind.HttpHeaderRaw, Sides.Both),
        ("http_host", BufferKind.HttpHost, Sides.ToServer),
        ("http_raw_host", BufferKind.HttpHostRaw, Sides.ToServer),
        ("http_user_agent", BufferKind.HttpUserAgent, Sides.ToServer),
        ("http_cookie", BufferKind.HttpCookie, Sides.Both),
        ("http_client_body", BufferKind.HttpBody, Sides.ToServer),
        ("http_server_body", BufferKind.HttpBody, Sides.ToClient),
        ("http_stat_code", BufferKind.HttpStatusCode, Sides.ToClient),
        ("http_stat_msg", BufferKind.HttpStatusMessage, Sides.ToClient),
    ];

    private static readonly (string Keyword, Transform Transform)[] _transforms =
    [
        ("to_lowercase", Transform.ToLowercase),
        ("to_uppercase", Transform.ToUppercase),
        ("strip_whitespace", Transform.StripWhitespace),
        ("compress_whitespace", Transform.CompressWhitespace),
        ("url_decode", Transform.UrlDecode),
        ("dotprefix", Transform.DotPrefix),
        ("header_lowercase", Transform.HeaderLowercase),
        ("to_md5", Transform.ToMd5),
        ("to_sha1", Transform.ToSha1),
        ("to_sha256", Transform.ToSha256),
    ];

    public static void AddTo(Dictionary<string, KeywordHandler> handlers)
    {
        foreach (var (name, kind, sides) in _sticky)
        {
            handlers[name] = (rule, keyword, value) =>
            {
                Values.None(keyword, value);
                rule.Select(kind, sides, keyword);
            };
        }

        foreach (var (name, kind, sides) in _modifiers)
        {
            handlers[name] = (rule, keyword, value) =>
            {
                Values.None(keyword, value);
                rule.MoveContent(kind, sides, keyword);
            };
        }

        foreach (var (name, transform) in _transforms)
        {
            handlers[name] = (rule, keyword, value) =>
            {
                Values.None(keyword, value);
                rule.Transform(transform, keyword);
            };
        }

        handlers["base64_data"] = (rule, keyword, value) =>
        {
            Values.None(keyword, value);
            rule.SelectBase64();
        };
    }
}
