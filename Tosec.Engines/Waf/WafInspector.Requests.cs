using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Engines.Http;

namespace Tosec.Engines.Waf;

// The client's stream.
internal sealed unsafe partial class WafInspector
{
    private RequestPhase _phase;
    private bool _lineHasText;
    private HttpFacts? _lineFacts;
    private long _headLength;
    private Exchange? _current;

    // Strict reader of the current chunked body; null: it is not chunked.
    private ChunkedFraming? _chunks;

    // The bytes being fed, during FeedRequest only; callbacks come back with offsets into them.
    private byte* _bytes;
    private int _length;
    private byte _lastByte;

    private enum RequestPhase : byte
    {
        /// <summary>Between requests.</summary>
        Idle,

        /// <summary>Inside the request line; held.</summary>
        Line,

        /// <summary>Inside the fields; they pass.</summary>
        Head,

        /// <summary>Inside a body that is being inspected; held.</summary>
        Body,

        /// <summary>Inside a body that is decided; it passes.</summary>
        Rest,
    }

    private bool HoldsRequest => _phase switch
    {
        RequestPhase.Line => true,
        RequestPhase.Body => _current is not { ExpectsContinue: true, RequestBodyLength: 0 },
        _ => false,
    };

    HttpAnswer IHttpEvents.OnRequestStart(ulong exchange, int offset)
    {
        var bytes = new ReadOnlySpan<byte>(_bytes, _length)[offset..];
        _phase = RequestPhase.Line;
        _lineFacts = null;
        _lineHasText = bytes.ContainsAnyExcept("\r\n"u8);
        _headLength = bytes.Length;
        return HttpStrictness.CanBegin(bytes) ? HttpAnswer.GoOn : Violation("not an HTTP/1.x request", null, answer: false);
    }

    HttpAnswer IHttpEvents.OnRequestLine(HttpMessage request)
    {
        _lineFacts = Exchange.Facts(request);
        if (HttpStrictness.RequestLine(request) is { } flaw)
            return Violation(flaw, _lineFacts, answer: request.Protocol.StartsWith("HTTP/1."u8));

        // The line's end: its last two bytes may lie in two payloads.
        var end = request.BodyOffset;
        var beforeLf = end >= 2 ? _bytes[end - 2] : _lastByte;
        if (beforeLf != '\r') return Violation("line feed without carriage return", _lineFacts, answer: true);
        _phase = RequestPhase.Head;
        return HttpAnswer.GoOn;
    }

    private void FeedRequests(ReadOnlySpan<byte> payload)
    {
        while (!payload.IsEmpty && _blocked is null && !_open)
        {
            var piece = _parser.PieceOf(payload);
            FeedRequest(payload[..piece]);
            payload = payload[piece..];
        }
    }

    private void FeedRequest(ReadOnlySpan<byte> payload)
    {
        if (_phase == RequestPhase.Line && !_lineHasText)
        {
            _lineHasText = payload.ContainsAnyExcept("\r\n"u8);
            if (!HttpStrictness.CanBegin(payload))
            {
                Violation("not an HTTP/1.x request", null, answer: false);
                return;
            }
        }

        if (_phase is RequestPhase.Line or RequestPhase.Head) _headLength += payload.Length;
        if (ReadChunks(payload) == HttpAnswer.Stop) return;

        HttpFeed fed;
        fixed (byte* bytes = payload)
        {
            _bytes = bytes;
            _length = payload.Length;
            fed = _parser.Feed(HttpSide.Request, payload, out _);
            _bytes = null;
        }

        _lastByte = payload[^1];
        if (fed == HttpFeed.Stopped) return;
        if (fed != HttpFeed.Fed)
            Violation("not an HTTP/1.x request", _lineFacts, answer: _lineFacts is not null);
        else if (_phase is RequestPhase.Line or RequestPhase.Head && _headLength > _settings.HeadLimit)
            Violation("head longer than allowed", _lineFacts, answer: _lineFacts is not null);
        else if (_chunks is { Done: true })
            Violation("ambiguous chunked body", _lineFacts, answer: true);
    }

    private HttpAnswer RequestHead(HttpMessage request)
    {
        if (_headLength - (_length - request.BodyOffset) > _settings.HeadLimit)
            return Violation("head longer than allowed", _lineFacts, answer: true);
        if (request.BodyOffset != _length) return Violation("ambiguous end of the head", _lineFacts, answer: true);
        if (HttpStrictness.RequestHead(request) is { } flaw) return Violation(flaw, _lineFacts, answer: true);
        if (_unanswered.Count >= _settings.PendingLimit)
            return Violation("too many requests without a response", _lineFacts, answer: false);

        var exchange = new Exchange(request.Exchange, _system.Rules.Begin());
        _current = exchange;
        _unanswered.Enqueue(exchange);
        exchange.Begin(request);
        if (RunRequestHead(exchange, request) && Denied(exchange, answer: true) == HttpAnswer.Stop) return HttpAnswer.Stop;
        if (request.Framing == HttpFraming.None || request.ContentLength == 0)
        {
            _phase = RequestPhase.Rest;
            return DecideRequest(exchange);
        }

        _phase = exchange.RequestDecided ? RequestPhase.Rest : RequestPhase.Body;
        if (!exchange.RequestDecided && request.ContentLength > _settings.RequestBodyLimit && exchange.Boundary is null
            && _settings.OnBodyLimit == WafChoice.Block)
        {
            return BodyTooLong(exchange);
        }

        if (request.Framing == HttpFraming.Chunked) _chunks = new ChunkedFraming();
        return HttpAnswer.GoOn;
    }

    private bool RunRequestHead(Exchange exchange, HttpMessage request)
    {
        var transaction = exchange.Transaction;
        var (client, server) = (_facts.Client, _facts.Server);
        transaction.Connection(
            Terminated(client.Address.ToString()), client.Port, Terminated(server.Address.ToString()), server.Port);
        transaction.Uri(request.Target, request.Method, request.Protocol["HTTP/".Length..]);
        for (var i = 0; i < request.FieldCount; i++)
        {
            var field = request.FieldAt(i);
            transaction.RequestField(field.Name, field.Value);
        }

        return transaction.RequestHeaders();
    }

    private HttpAnswer RequestBody(ReadOnlySpan<byte> data)
    {
        if (_current is not { RequestDecided: false } exchange) return HttpAnswer.GoOn;
        var room = _settings.RequestBodyLimit - exchange.RequestBodyLength;
        exchange.RequestBodyLength += data.Length;
        exchange.Transaction.RequestBody(data.Length <= room ? data : data[..(int)room]);
        return data.Length <= room ? HttpAnswer.GoOn : DecideCutRequest(exchange);
    }

    private HttpAnswer RequestComplete()
    {
        if (_current is not { } exchange) return HttpAnswer.GoOn;
        if (_chunks is { Done: false }) return Violation("ambiguous chunked body", exchange.Http, answer: true);
        if (!exchange.RequestDecided && DecideRequest(exchange) == HttpAnswer.Stop) return HttpAnswer.Stop;
        _chunks = null;
        _phase = RequestPhase.Idle;
        _lineFacts = null;
        _current = null;
        exchange.RequestComplete = true;
        if (exchange.ResponseComplete) exchange.Dispose();
        return HttpAnswer.GoOn;
    }

    private HttpAnswer ReadChunks(ReadOnlySpan<byte> bytes)
    {
        if (_chunks is not { } chunks) return HttpAnswer.GoOn;
        chunks.Read(bytes);
        _chunks = chunks;
        return chunks.Broken ? Violation("malformed chunked body", _lineFacts, answer: true) : HttpAnswer.GoOn;
    }

    private HttpAnswer DecideRequest(Exchange exchange)
    {
        if (exchange.RequestDecided) return HttpAnswer.GoOn;
        exchange.RequestDecided = true;
        return exchange.Transaction.RequestBodyEnd() ? Denied(exchange, answer: true) : HttpAnswer.GoOn;
    }

    /// <summary>Decides on a body of which only the beginning is known.</summary>
    private HttpAnswer DecideCutRequest(Exchange exchange)
    {
        if (exchange.Boundary is { } boundary)
            exchange.Transaction.RequestBody(Encoding.Latin1.GetBytes($"\r\n--{boundary}--\r\n"));
        else if (_settings.OnBodyLimit == WafChoice.Block)
            return BodyTooLong(exchange);
        else
            exchange.Transaction.RequestField(_system.Rules.TruncatedField, "1"u8);
        _phase = RequestPhase.Rest;
        return DecideRequest(exchange);
    }

    private HttpAnswer BodyTooLong(Exchange exchange) =>
        Violation("request body longer than can be inspected", exchange.Http, answer: true);

    private void DecideHeldRequest()
    {
        if (_phase == RequestPhase.Line && _lineHasText)
            Violation("request line not completed in time", null, answer: false);
        else if (_phase == RequestPhase.Body)
            DecideCutRequest(_current!);
    }
}
