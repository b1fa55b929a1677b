using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Engines.Http;

namespace Tosec.Engines.Waf;

/// <summary>
/// Judges one HTTP connection. Requests: the request line is held until it is complete (so that nothing but HTTP reaches the
/// server), the fields pass until the head is complete (the server cannot act before), a body is held until its end or its limit.
/// Responses: heads pass, bodies of inspected types are held until their end or their limit, all others pass at once.
/// </summary>
internal sealed unsafe partial class WafInspector : IStreamInspector, IHttpEvents
{
    private readonly WafSystem _system;
    private readonly WafSettings _settings;
    private readonly StreamFacts _facts;
    private readonly HttpParser _parser;
    private readonly Queue<Exchange> _unanswered = new();

    // Set by the first verdict that ends the connection; every later call repeats it.
    private Threat? _blocked;
    private Threat? _alert;

    // Nothing more is looked at: the connection became a permitted tunnel, or detection only has lost its track.
    private bool _open;
    private bool _serverEnded;

    public WafInspector(WafSystem system, HttpParserConfig http, in StreamFacts facts)
    {
        _system = system;
        _settings = system.Settings;
        _facts = facts;
        _parser = new HttpParser(http, this);
    }

    public Verdict Inspect(StreamDirection direction, ReadOnlySpan<byte> payload)
    {
        if (_blocked is { } threat) return Verdict.Block(threat);
        if (_open) return Verdict.Pass;
        if (direction == _facts.Initiator)
        {
            FeedRequests(payload);
            return Answer(HoldsRequest);
        }

        if (!payload.IsEmpty) FeedResponse(payload);
        return Answer(HoldsResponse);
    }

    public Verdict End(StreamDirection direction)
    {
        if (_blocked is { } threat) return Verdict.Block(threat);
        if (_open) return Verdict.Pass;
        if (direction == _facts.Initiator)
        {
            if (_phase is RequestPhase.Head or RequestPhase.Body || (_phase == RequestPhase.Line && _lineHasText))
                Violation("the request ends before it is complete", _lineFacts, answer: false);
        }
        else
        {
            _serverEnded = true;
            DecideHeldResponse();
        }

        return Answer(hold: false);
    }

    public Verdict HoldLimit(StreamDirection direction)
    {
        if (_blocked is { } threat) return Verdict.Block(threat);
        if (_open) return Verdict.Pass;
        if (direction == _facts.Initiator)
            DecideHeldRequest();
        else
            DecideHeldResponse();
        return Answer(hold: false);
    }

    public void Dispose()
    {
        _parser.Dispose();
        _current?.Dispose();
        while (_unanswered.TryDequeue(out var exchange)) exchange.Dispose();
    }

    HttpAnswer IHttpEvents.OnHeaders(HttpSide side, HttpMessage message) =>
        side == HttpSide.Request ? RequestHead(message) : ResponseHead(message);

    HttpAnswer IHttpEvents.OnBody(HttpSide side, ulong exchange, ReadOnlySpan<byte> data) =>
        side == HttpSide.Request ? RequestBody(data) : ResponseBody(exchange, data);

    HttpAnswer IHttpEvents.OnComplete(HttpSide side, ulong exchange) =>
        side == HttpSide.Request ? RequestComplete() : ResponseComplete(exchange);

    private Verdict Answer(bool hold)
    {
        if (_blocked is { } threat) return Verdict.Block(threat);
        if (_alert is { } alert)
        {
            _alert = null;
            return Verdict.Alert(alert);
        }

        return hold && !_settings.DetectionOnly ? Verdict.Hold : Verdict.Pass;
    }

    /// <summary>The stream is not HTTP that can be inspected.</summary>
    private HttpAnswer Violation(string reason, HttpFacts? http, bool answer)
    {
        var threat = WafThreats.OfProtocol(reason, http, answer && !_settings.DetectionOnly && CanAnswer);
        if (_settings.DetectionOnly)
        {
            _alert ??= threat;
            _open = true;
        }
        else
        {
            _blocked = threat;
        }

        return HttpAnswer.Stop;
    }

    /// <summary>The rules have denied the exchange's request or response.</summary>
    private HttpAnswer Denied(Exchange exchange, bool answer)
    {
        exchange.RequestDecided = true;
        exchange.ResponseDecided = true;
        var threat = WafThreats.OfRules(
            _system.Rules, exchange.Transaction.Matches, exchange.Http, answer && !_settings.DetectionOnly && CanAnswer);
        if (_settings.DetectionOnly)
        {
            _alert ??= threat;
            return HttpAnswer.GoOn;
        }

        _blocked = threat;
        return HttpAnswer.Stop;
    }

    /// <summary>An answer of our own can follow what the client has been sent: no response is under way or owed before it.</summary>
    private bool CanAnswer
    {
        get
        {
            if (_responseUnderWay || _serverEnded) return false;
            foreach (var exchange in _unanswered)
                if (exchange != _current) return false;
            return _current is not { ResponseStarted: true };
        }
    }

    private static byte[] Terminated(string text) => Encoding.ASCII.GetBytes(text + "\0");
}
