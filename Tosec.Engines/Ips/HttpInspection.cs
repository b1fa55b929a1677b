using System.Text;
using Tosec.Engines.Http;
using Tosec.Engines.Ips.Match;
using Tosec.Engines.Ips.Model;
using HttpFacts = Tosec.Actors.Inspection.HttpFacts;

namespace Tosec.Engines.Ips;

/// <summary>
/// The HTTP of one connection: framed and decoded by libhtp, its parts given to rules as soon as a head is complete, its bodies as
/// they grow. One thread.
/// </summary>
internal sealed class HttpInspection : IHttpEvents, IDisposable
{
    private const int MaxFact = 2048;

    // Bytes of a client that wait until the server has answered (CONNECT): more is not waited for.
    private const int MaxDeferred = 64 * 1024;

    // What the parser keeps grows with them.
    private const int MaxHead = 64 * 1024;
    private const int MaxUnanswered = 64;

    private readonly RuleJudge _judge;
    private readonly bool _blocks;
    private readonly HttpParser _parser;
    private readonly MessageInspection _request;
    private readonly MessageInspection _response;
    private Buffers.ByteStore _deferred;
    private ulong _requestNumber;
    private ulong _responseNumber;
    private bool _aboutResponse;
    private bool _responseOpen;
    private int _status;
    private bool _inRequestHead;
    private int _requestHead;
    private int _responseHead;
    private int _unanswered;

    // A head or a response has been completed by the bytes in hand.
    private bool _responseMoved;

    public HttpInspection(IpsSystem system, RuleJudge judge, MessageInspection request, MessageInspection response)
    {
        _judge = judge;
        _blocks = system.Settings.OnUnreadable == IpsChoice.Block;
        _request = request;
        _response = response;
        _parser = new HttpParser(system.Http, this);
        judge.Http = Facts;
    }

    /// <summary>The connection is HTTP no more: it has become a tunnel, or could not be read.</summary>
    public bool IsOver { get; private set; }

    /// <summary>Body bytes have come of which no rule has been asked.</summary>
    public bool Pending(Sides side) => Side(side).Pending;

    /// <summary>The client's bytes cannot be read before the server has answered (<c>CONNECT</c>): whose they are is not known.</summary>
    public bool AwaitsServer => _deferred.Length > 0;

    public void Feed(Sides side, ReadOnlySpan<byte> bytes)
    {
        if (side == Sides.ToServer) FeedRequest(bytes);
        else FeedResponse(bytes);
    }

    /// <summary>Asks of the body what is due.</summary>
    public void Ask(Sides side)
    {
        _aboutResponse = side == Sides.ToClient;
        Side(side).AskBody(_judge);
    }

    /// <summary>The side sends no more: what it has begun is judged as it is.</summary>
    public void End(Sides side)
    {
        _aboutResponse = side == Sides.ToClient;
        Side(side).End(_judge);
    }

    public void Dispose()
    {
        _parser.Dispose();
        _deferred.Dispose();
    }

    HttpAnswer IHttpEvents.OnRequestStart(ulong exchange, int offset)
    {
        _request.Begin();
        _requestNumber = exchange;
        _inRequestHead = true;
        _requestHead = 0;
        return HttpAnswer.GoOn;
    }

    HttpAnswer IHttpEvents.OnRequestLine(HttpMessage request)
    {
        // A tunnel through a proxy is not HTTP that a rule could want.
        if (!request.Method.SequenceEqual("CONNECT"u8) && HttpStrictness.RequestLine(request) is { } flaw) return Unreadable(flaw);
        HttpParts.AddRequestLine(_request, request);
        return HttpAnswer.GoOn;
    }

    HttpAnswer IHttpEvents.OnHeaders(HttpSide side, HttpMessage message)
    {
        if (side == HttpSide.Request)
        {
            _inRequestHead = false;
            if (++_unanswered > MaxUnanswered) return Unreadable("too many requests without a response");
        }

        if (IsAmbiguous(message, side)) return Unreadable(side == HttpSide.Request ? "ambiguous body" : "ambiguous response");
        if (side == HttpSide.Request)
        {
            _aboutResponse = false;
            HttpParts.AddFields(_request, message, Sides.ToServer);
            _request.AskParts(_judge);
            return _judge.Ended ? HttpAnswer.Stop : HttpAnswer.GoOn;
        }

        _aboutResponse = true;
        _responseNumber = message.Exchange;
        _status = message.Status;
        _responseOpen = true;
        _responseMoved = true;
        _response.Begin();
        HttpParts.AddStatusLine(_response, message);
        HttpParts.AddFields(_response, message, Sides.ToClient);
        _response.AskParts(_judge);
        return _judge.Ended ? HttpAnswer.Stop : _response.Needs(BufferKind.HttpBody) ? HttpAnswer.GoOn : HttpAnswer.SkipBody;
    }

    HttpAnswer IHttpEvents.OnBody(HttpSide side, ulong exchange, ReadOnlySpan<byte> data)
    {
        // libhtp takes what has no status line for a body.
        if (side == HttpSide.Response && !_responseOpen) return Unreadable("malformed status line");
        var message = side == HttpSide.Request ? _request : _response;
        if (message.Needs(BufferKind.HttpBody)) message.AddBody(data);
        return HttpAnswer.GoOn;
    }

    HttpAnswer IHttpEvents.OnComplete(HttpSide side, ulong exchange)
    {
        _aboutResponse = side == HttpSide.Response;

        if (_aboutResponse)
        {
            _responseOpen = false;
            _responseMoved = true;
            _unanswered--;
        }

        (_aboutResponse ? _response : _request).End(_judge);
        return _judge.Ended ? HttpAnswer.Stop : HttpAnswer.GoOn;
    }

    private static bool IsAmbiguous(HttpMessage message, HttpSide side)
    {
        var flaws = HttpFlaws.Smuggling | HttpFlaws.TransferEncoding | HttpFlaws.ContentLength;
        if (side == HttpSide.Response) flaws |= HttpFlaws.StatusLine | HttpFlaws.Unmatched;
        return (message.Flaws & flaws) != 0 || message.Framing == HttpFraming.Invalid;
    }

    private static string Text(ReadOnlySpan<byte> bytes) =>
        Encoding.Latin1.GetString(bytes.Length <= MaxFact ? bytes : bytes[..MaxFact]);

    private MessageInspection Side(Sides side) => side == Sides.ToServer ? _request : _response;

    private void FeedRequest(ReadOnlySpan<byte> bytes)
    {
        while (!IsOver && !bytes.IsEmpty)
        {
            if (_deferred.Length > 0)
            {
                Defer(bytes);
                return;
            }

            var piece = _parser.PieceOf(bytes);
            switch (_parser.Feed(HttpSide.Request, bytes[..piece], out var consumed))
            {
                case HttpFeed.OtherFirst:
                    Defer(bytes[consumed..]);
                    return;
                case HttpFeed.Fed:
                    break;
                case HttpFeed.NotHttp:
                    Unreadable("malformed request");
                    return;
                default:
                    IsOver = true;
                    return;
            }

            if (_inRequestHead && (_requestHead += piece) > MaxHead)
            {
                Unreadable("head longer than can be read");
                return;
            }

            bytes = bytes[piece..];
        }
    }

    private void FeedResponse(ReadOnlySpan<byte> bytes)
    {
        var length = bytes.Length;
        _responseMoved = false;
        while (!IsOver && !bytes.IsEmpty)
        {
            switch (_parser.Feed(HttpSide.Response, bytes, out var consumed))
            {
                case HttpFeed.OtherFirst when consumed > 0:
                    bytes = bytes[consumed..];
                    continue;
                case HttpFeed.Tunnel:
                case HttpFeed.Stopped:
                    IsOver = true;
                    break;
                case HttpFeed.Fed:
                    break;
                default:
                    Unreadable("malformed response");
                    break;
            }

            break;
        }

        if (_responseMoved) _responseHead = 0;
        else if (!IsOver && !_responseOpen && (_responseHead += length) > MaxHead) Unreadable("head longer than can be read");
        if (!IsOver && _deferred.Length > 0) FeedDeferred();
    }

    private void Defer(ReadOnlySpan<byte> bytes)
    {
        if (_deferred.Length + bytes.Length > MaxDeferred) Unreadable("the client does not wait for an answer");
        else _deferred.Append(bytes);
    }

    private void FeedDeferred()
    {
        var waiting = _deferred;
        _deferred = default;
        FeedRequest(waiting.Span);
        waiting.Dispose();
    }

    private HttpAnswer Unreadable(string reason)
    {
        _judge.Report("HTTP: " + reason, "protocol-violation", _blocks);
        IsOver = true;
        return HttpAnswer.Stop;
    }

    private HttpFacts Facts()
    {
        // The request of a response is known as long as no later one has come.
        var isRequestKnown = !_aboutResponse || _requestNumber == _responseNumber;
        var parts = _request.Buffers;
        return new HttpFacts(
            isRequestKnown ? Text(parts.Find(BufferKind.HttpHostRaw)) : "",
            isRequestKnown ? Text(parts.Find(BufferKind.HttpUriRaw)) : "",
            isRequestKnown ? Text(parts.Find(BufferKind.HttpMethod)) : "",
            Text((_aboutResponse ? _response.Buffers : parts).Find(BufferKind.HttpProtocol)),
            isRequestKnown ? Text(parts.Find(BufferKind.HttpUserAgent)) : "",
            _aboutResponse ? _status : 0);
    }
}
