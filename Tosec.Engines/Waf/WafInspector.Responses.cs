using Tosec.Engines.Http;

namespace Tosec.Engines.Waf;

// The server's stream.
internal sealed unsafe partial class WafInspector
{
    // Bytes of a response have gone by whose end has not.
    private bool _responseUnderWay;

    // A 101 that the settings let pass.
    private bool _upgraded;

    private bool HoldsResponse =>
        _unanswered.TryPeek(out var exchange) && exchange is { ResponseStarted: true, ResponseDecided: false };

    private void FeedResponse(ReadOnlySpan<byte> payload)
    {
        if (_unanswered.Count == 0)
        {
            Violation("response without a request", null, answer: false);
            return;
        }

        if (!_responseUnderWay) _responseUnderWay = !IsContinue(payload);
        while (!payload.IsEmpty)
        {
            var fed = _parser.Feed(HttpSide.Response, payload, out var consumed);
            switch (fed)
            {
                case HttpFeed.Fed:
                case HttpFeed.Stopped:
                    return;
                case HttpFeed.OtherFirst when consumed > 0:
                    payload = payload[consumed..];
                    continue;
                case HttpFeed.Tunnel when _upgraded:
                    _open = true;
                    return;
                default:
                    Violation("malformed response", FirstFacts, answer: false);
                    return;
            }
        }
    }

    private Tosec.Actors.Inspection.HttpFacts? FirstFacts => _unanswered.TryPeek(out var exchange) ? exchange.Http : null;

    private HttpAnswer ResponseHead(HttpMessage response)
    {
        if (HttpStrictness.ResponseHead(response) is { } flaw) return Violation(flaw, FirstFacts, answer: false);
        if (!_unanswered.TryPeek(out var exchange) || exchange.Number != response.Exchange)
            return Violation("response without a request", FirstFacts, answer: false);

        exchange.ResponseStarted = true;
        exchange.Answered(response.Status);
        if (response.Status == 101)
        {
            if (_settings.Upgrade == WafChoice.Block || !exchange.AsksWebSocket)
                return Violation("upgrade to another protocol", exchange.Http, answer: false);
            _upgraded = true;
        }

        if (exchange.ResponseDecided) return HttpAnswer.SkipBody;
        var transaction = exchange.Transaction;
        for (var i = 0; i < response.FieldCount; i++)
        {
            var field = response.FieldAt(i);
            transaction.ResponseField(field.Name, field.Value);
        }

        if (transaction.ResponseHeaders(response.Status) && Denied(exchange, answer: false) == HttpAnswer.Stop)
            return HttpAnswer.Stop;
        var inspected = !exchange.ResponseDecided
            && response.Framing != HttpFraming.None && response.ContentLength != 0 && _settings.ResponseBodyLimit > 0
            && response.TryGet("content-type"u8, out var type) && _system.InspectsBody(type.Value);
        if (inspected) return HttpAnswer.GoOn;
        return DecideResponse(exchange) == HttpAnswer.Stop ? HttpAnswer.Stop : HttpAnswer.SkipBody;
    }

    private HttpAnswer ResponseBody(ulong number, ReadOnlySpan<byte> data)
    {
        if (!_unanswered.TryPeek(out var exchange) || exchange.Number != number || !exchange.ResponseStarted)
            return Violation("malformed status line", FirstFacts, answer: false);
        if (exchange.ResponseDecided) return HttpAnswer.SkipBody;
        var room = _settings.ResponseBodyLimit - exchange.ResponseBodyLength;
        exchange.ResponseBodyLength += data.Length;
        exchange.Transaction.ResponseBody(data.Length <= room ? data : data[..(int)room]);
        if (data.Length < room) return HttpAnswer.GoOn;
        return DecideResponse(exchange) == HttpAnswer.Stop ? HttpAnswer.Stop : HttpAnswer.SkipBody;
    }

    private HttpAnswer ResponseComplete(ulong number)
    {
        if (!_unanswered.TryPeek(out var exchange) || exchange.Number != number)
            return Violation("response without a request", FirstFacts, answer: false);
        if (DecideResponse(exchange) == HttpAnswer.Stop) return HttpAnswer.Stop;
        _responseUnderWay = false;
        exchange.ResponseComplete = true;
        _unanswered.Dequeue();
        if (exchange.RequestComplete) exchange.Dispose();
        return HttpAnswer.GoOn;
    }

    private HttpAnswer DecideResponse(Exchange exchange)
    {
        if (exchange.ResponseDecided) return HttpAnswer.GoOn;
        exchange.ResponseDecided = true;
        return exchange.Transaction.ResponseBodyEnd() ? Denied(exchange, answer: false) : HttpAnswer.GoOn;
    }

    private void DecideHeldResponse()
    {
        if (HoldsResponse) DecideResponse(_unanswered.Peek());
    }

    // A "100 Continue" that fills its payload leaves the client without a response under way.
    private static bool IsContinue(ReadOnlySpan<byte> payload) =>
        payload.StartsWith("HTTP/1.1 100 "u8) && payload.IndexOf("\r\n\r\n"u8) == payload.Length - 4;
}
