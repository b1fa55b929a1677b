using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus.Objects;
using Tosec.Engines.Http;
using Tosec.Engines.Waf;

namespace Tosec.Engines.Antivirus.Readers;

/// <summary>
/// The bodies of HTTP/1.x, de-chunked; scanning threads decompress them. What a client or server could frame differently is a violation, because an
/// object could hide in the difference.
/// </summary>
internal sealed class HttpReader : IObjectReader, IHttpEvents
{
    // Requests that may wait for their responses. Bounds memory.
    private const int MaxUnanswered = 256;

    private readonly IObjectSink _sink;
    private readonly AntivirusSettings _settings;
    private readonly HttpParser _parser;
    private readonly Queue<HttpFacts> _unanswered = new();
    private readonly ScanObject?[] _bodies = new ScanObject?[2];

    // A response has begun whose end has not been seen.
    private bool _responseUnderWay;
    private bool _serverEnded;
    private bool _upgraded;
    private bool _stopped;

    // The payload of the client being read, and whether it ends where a head does.
    private int _fedLength;
    private bool _endsWithHead;

    public HttpReader(IObjectSink sink, AntivirusSettings settings, HttpParserConfig config)
    {
        _sink = sink;
        _settings = settings;
        _parser = new HttpParser(config, this);
    }

    public void Feed(Sender sender, ReadOnlySpan<byte> bytes)
    {
        if (_stopped) return;
        if (sender == Sender.Client)
        {
            _fedLength = bytes.Length;
            _endsWithHead = false;
            var fed = _parser.Feed(HttpSide.Request, bytes, out _);
            if (fed is not (HttpFeed.Fed or HttpFeed.Stopped)) Violation(Sender.Client, "not an HTTP/1.x request");
            return;
        }

        if (_unanswered.Count == 0)
            Violation(Sender.Server, "response without a request");
        else
            FeedResponse(bytes);
    }

    public void End(Sender sender)
    {
        if (sender == Sender.Server) _serverEnded = true;
        // A body that ends with its connection; or one that is cut short: what there is of it may be harmful too.
        Finish(sender);
    }

    public bool Holds(Sender sender) => false;

    public bool IsBeforeObject(Sender sender) => sender == Sender.Client && _endsWithHead;

    public byte[] Answer(Sender sender, string reference)
    {
        if (sender == Sender.Server || _responseUnderWay || _serverEnded || _unanswered.Count > 1) return [];
        var body = $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Upload blocked</title></head>
            <body><h1>Upload blocked</h1>
            <p>What was sent was not let through. If you think it should have been, tell the site's administrator this
            reference: <code>{reference}</code></p></body></html>

            """;
        return Encoding.ASCII.GetBytes(
            $"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {body.Length}\r\n"
            + $"Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}");
    }

    public void Dispose()
    {
        _parser.Dispose();
    }

    HttpAnswer IHttpEvents.OnRequestStart(ulong exchange, int offset) => HttpAnswer.GoOn;

    HttpAnswer IHttpEvents.OnRequestLine(HttpMessage request) =>
        HttpStrictness.RequestLine(request) is { } flaw ? Violation(Sender.Client, flaw, Exchange.Facts(request)) : HttpAnswer.GoOn;

    HttpAnswer IHttpEvents.OnHeaders(HttpSide side, HttpMessage message) =>
        side == HttpSide.Request ? RequestHead(message) : ResponseHead(message);

    HttpAnswer IHttpEvents.OnBody(HttpSide side, ulong exchange, ReadOnlySpan<byte> data)
    {
        var sender = side == HttpSide.Request ? Sender.Client : Sender.Server;
        // What the parser takes for the body of a message whose head we have not seen.
        if (_bodies[(int)sender] is not { } item) return Violation(sender, "body without a head");
        _sink.Append(sender, item, data);
        return HttpAnswer.GoOn;
    }

    HttpAnswer IHttpEvents.OnComplete(HttpSide side, ulong exchange)
    {
        if (side == HttpSide.Request)
        {
            Finish(Sender.Client);
            return HttpAnswer.GoOn;
        }

        Finish(Sender.Server);
        _responseUnderWay = false;
        _unanswered.TryDequeue(out _);
        return HttpAnswer.GoOn;
    }

    private void FeedResponse(ReadOnlySpan<byte> bytes)
    {
        if (!_responseUnderWay) _responseUnderWay = !IsContinue(bytes);
        while (!bytes.IsEmpty)
        {
            var fed = _parser.Feed(HttpSide.Response, bytes, out var consumed);
            switch (fed)
            {
                case HttpFeed.Fed or HttpFeed.Stopped:
                    return;
                case HttpFeed.OtherFirst when consumed > 0:
                    bytes = bytes[consumed..];
                    continue;
                case HttpFeed.Tunnel when _upgraded:
                    _sink.Opaque("HTTP upgrade");
                    return;
                default:
                    Violation(Sender.Server, "malformed response", FirstFacts);
                    return;
            }
        }
    }

    private HttpFacts? FirstFacts => _unanswered.TryPeek(out var facts) ? facts : null;

    private HttpAnswer RequestHead(HttpMessage request)
    {
        var facts = Exchange.Facts(request) with
        {
            Hostname = Text(request, "host"u8),
            UserAgent = Text(request, "user-agent"u8),
        };
        if (HttpStrictness.RequestHead(request) is { } flaw) return Violation(Sender.Client, flaw, facts);
        if (_unanswered.Count >= MaxUnanswered) return Violation(Sender.Client, "too many requests without a response", facts);
        _unanswered.Enqueue(facts);
        _endsWithHead = request.BodyOffset == _fedLength;
        return BeginBody(Sender.Client, request, facts);
    }

    private HttpAnswer ResponseHead(HttpMessage response)
    {
        var facts = FirstFacts is { } asked ? asked with { Status = response.Status } : null;
        if (HttpStrictness.ResponseHead(response) is { } flaw) return Violation(Sender.Server, flaw, facts);
        if (response.Status == 101)
        {
            if (_settings.Opaque == AntivirusChoice.Block) return Violation(Sender.Server, "upgrade to another protocol", facts);
            _upgraded = true;
            return HttpAnswer.GoOn;
        }

        if (response.Status == 206 && _settings.Partial == AntivirusChoice.Block)
            return Violation(Sender.Server, "part of an object (status 206)", facts);
        return BeginBody(Sender.Server, response, facts);
    }

    private HttpAnswer BeginBody(Sender sender, HttpMessage message, HttpFacts? facts)
    {
        _bodies[(int)sender] = null;
        if (message.Framing == HttpFraming.None && sender == Sender.Client) return HttpAnswer.GoOn;
        var coding = message.TryGet("content-encoding"u8, out var field) ? CodingOf(HttpStrictness.Trim(field.Value)) : ContentCoding.None;
        if (coding == ContentCoding.Unknown && _settings.UnknownCoding == AntivirusChoice.Block)
            return Violation(sender, "content coding that cannot be decoded", facts);

        var type = Text(message, "content-type"u8);
        var isMultipart = type.TrimStart().StartsWith("multipart/", StringComparison.OrdinalIgnoreCase);
        var item = _sink.Begin(sender, isMultipart ? ObjectKind.Entity : ObjectKind.Plain, facts?.Url ?? "", type, facts);
        item.Coding = coding;
        _bodies[(int)sender] = item;
        return HttpAnswer.GoOn;
    }

    private void Finish(Sender sender)
    {
        if (_bodies[(int)sender] is not { } item) return;
        _bodies[(int)sender] = null;
        _sink.Complete(sender, item);
    }

    private HttpAnswer Violation(Sender sender, string reason, HttpFacts? facts = null)
    {
        _stopped = true;
        _sink.Violation(sender, "HTTP: " + reason, facts);
        return HttpAnswer.Stop;
    }

    private static ContentCoding CodingOf(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty || Ascii.EqualsIgnoreCase(name, "identity"u8)) return ContentCoding.None;
        if (Ascii.EqualsIgnoreCase(name, "gzip"u8) || Ascii.EqualsIgnoreCase(name, "x-gzip"u8)) return ContentCoding.Gzip;
        if (Ascii.EqualsIgnoreCase(name, "deflate"u8)) return ContentCoding.Deflate;
        return Ascii.EqualsIgnoreCase(name, "br"u8) ? ContentCoding.Brotli : ContentCoding.Unknown;
    }

    private static string Text(HttpMessage message, ReadOnlySpan<byte> name) =>
        message.TryGet(name, out var field) ? Encoding.Latin1.GetString(field.Value) : "";

    // A "100 Continue" that fills its payload leaves the client without a response under way.
    private static bool IsContinue(ReadOnlySpan<byte> payload) =>
        payload.StartsWith("HTTP/1.1 100 "u8) && payload.IndexOf("\r\n\r\n"u8) == payload.Length - 4;
}
