namespace Tosec.Engines.Ips.Model;

/// <summary>The parts of a stream that a rule can look into. Which direction's is the rule's own business.</summary>
internal enum BufferKind : byte
{
    /// <summary>The stream's bytes as they are.</summary>
    Payload = 0,
    HttpMethod,
    HttpUri,
    HttpUriRaw,
    HttpHeader,
    HttpHeaderRaw,
    HttpHeaderNames,
    HttpHost,
    HttpHostRaw,
    HttpUserAgent,
    HttpCookie,
    HttpReferer,
    HttpAccept,
    HttpAcceptEncoding,
    HttpAcceptLanguage,
    HttpConnection,
    HttpContentLength,
    HttpContentType,
    HttpLocation,
    HttpServer,
    HttpStart,
    HttpProtocol,
    HttpRequestLine,
    HttpResponseLine,
    HttpStatusCode,
    HttpStatusMessage,

    /// <summary>One field, <c>name: value</c>; a message has several.</summary>
    HttpField,

    /// <summary>The body, decoded; grows.</summary>
    HttpBody,
    TlsSni,

    /// <summary>A name that is asked for; a message has several.</summary>
    DnsQuery,
    SshProtocol,
    SshSoftware,
}

/// <summary>What is done to a buffer before a rule looks at it.</summary>
internal enum Transform : byte
{
    ToLowercase,
    ToUppercase,
    StripWhitespace,
    CompressWhitespace,
    UrlDecode,
    DotPrefix,
    HeaderLowercase,
    ToMd5,
    ToSha1,
    ToSha256,
}

internal static class BufferKinds
{
    /// <summary>Does a message have any number of it? Then all that a rule asks must be so of one of them.</summary>
    public static bool IsMultiple(this BufferKind kind) => kind is BufferKind.HttpField or BufferKind.DnsQuery;

    /// <summary>Does it grow while its stream goes on?</summary>
    public static bool Grows(this BufferKind kind) => kind is BufferKind.Payload or BufferKind.HttpBody;

    public static AppProtocol Protocol(this BufferKind kind) => kind switch
    {
        BufferKind.Payload => AppProtocol.Unknown,
        BufferKind.TlsSni => AppProtocol.Tls,
        BufferKind.DnsQuery => AppProtocol.Dns,
        BufferKind.SshProtocol or BufferKind.SshSoftware => AppProtocol.Ssh,
        _ => AppProtocol.Http,
    };
}

/// <summary>A buffer as rules see it: a kind, and what is done to it. Compares by value.</summary>
internal readonly struct BufferKey(BufferKind kind, Transform[] transforms) : IEquatable<BufferKey>
{
    public BufferKind Kind { get; } = kind;

    public Transform[] Transforms { get; } = transforms;

    public bool Equals(BufferKey other) => Kind == other.Kind && Transforms.AsSpan().SequenceEqual(other.Transforms);

    public override bool Equals(object? obj) => obj is BufferKey other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(Kind, Transforms.Length);
}
