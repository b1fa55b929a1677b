using Tosec.Actors.Inspection;
using Tosec.Engines.Ips.Buffers;
using Tosec.Engines.Ips.Compile;
using Tosec.Engines.Ips.Match;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips;

/// <summary>
/// Judges one connection by the rules that were in force when it began. Payloads pass as they come, because what completes a match
/// is judged before it passes; they wait only while rules about them would cost more time than they have earned.
/// </summary>
internal sealed class IpsInspector : IStreamInspector
{
    private readonly IpsSystem _system;
    private readonly RuleSet _rules;
    private readonly StreamFacts _facts;
    private readonly RuleJudge _judge;
    private readonly RawStream _toServer;
    private readonly RawStream _toClient;
    private MessageInspection? _request;
    private MessageInspection? _response;
    private HttpInspection? _http;
    private FieldInspection? _fields;
    private Sides _speaker;
    private bool _disposed;

    /// <param name="system">Whose it is.</param>
    /// <param name="rules">A reference to them becomes the inspector's.</param>
    /// <param name="facts">The connection.</param>
    public IpsInspector(IpsSystem system, RuleSet rules, in StreamFacts facts)
    {
        _system = system;
        _rules = rules;
        _facts = facts;
        _judge = new RuleJudge(rules, system.Settings, facts);
        _toServer = new RawStream(rules, Sides.ToServer, system.Settings.Window);
        _toClient = new RawStream(rules, Sides.ToClient, system.Settings.Window);
    }

    public Verdict Inspect(StreamDirection direction, ReadOnlySpan<byte> payload)
    {
        var side = SideOf(direction);
        if (payload.IsEmpty || _judge.Ended) return _judge.Take(hold: false);
        Prepare();
        Speak(side);
        _judge.Earn(side, payload.Length);
        while (!payload.IsEmpty && !_judge.Ended) payload = payload[Take(side, payload)..];
        return Answer(side, force: false);
    }

    public Verdict End(StreamDirection direction)
    {
        if (_judge.Ended) return _judge.Take(hold: false);
        Prepare();
        var side = SideOf(direction);
        Raw(side).Ask(_judge, messageEnds: true, streamEnds: true);
        if (!_judge.Ended) _http?.End(side);
        return _judge.Take(hold: false);
    }

    public Verdict HoldLimit(StreamDirection direction)
    {
        if (_judge.Ended) return _judge.Take(hold: false);
        Prepare();
        return Answer(SideOf(direction), force: true);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _http?.Dispose();
        _fields?.Dispose();
        _request?.Dispose();
        _response?.Dispose();
        _toServer.Dispose();
        _toClient.Dispose();
        _rules.Dispose();
    }

    private void Prepare()
    {
        var evaluator = RuleEvaluator.Current;
        evaluator.Prepare(_rules);
        evaluator.Pcre.Limit(_system.Settings.MatchLimit);
    }

    private Sides SideOf(StreamDirection direction) => direction == _facts.Initiator ? Sides.ToServer : Sides.ToClient;

    private RawStream Raw(Sides side) => side == Sides.ToServer ? _toServer : _toClient;

    // What one side sends until the other does is a message.
    private void Speak(Sides side)
    {
        if (_speaker == side) return;
        if (_speaker != Sides.None) Raw(_speaker).Ask(_judge, messageEnds: true);
        _speaker = side;
        Raw(side).BeginMessage();
    }

    /// <summary>Takes as much as the window has room for. Returns how much.</summary>
    private int Take(Sides side, ReadOnlySpan<byte> payload)
    {
        var raw = Raw(side);
        if (!raw.Wanted && _judge.Protocol is not (AppProtocol.Unknown or AppProtocol.Tls or AppProtocol.Ssh))
        {
            raw.Window.Release(payload.Length);
            FeedProtocol(side, payload);
            return payload.Length;
        }

        var piece = payload[..Math.Min(payload.Length, raw.Window.Room)];
        raw.Append(piece);
        if (_judge.Protocol == AppProtocol.Unknown) Detect();
        else FeedProtocol(side, piece);
        if (raw.Window.Room == 0 && !_judge.Ended)
        {
            raw.Ask(_judge, messageEnds: false);
            raw.Slide(_judge);
        }

        return piece.Length;
    }

    private void Detect()
    {
        var (client, server) = (_toServer.Window, _toClient.Window);
        if (client.Start > 0) _judge.Protocol = AppProtocol.Other;
        else _judge.Protocol = ProtocolDetector.Detect(client.Bytes, server.Bytes, _facts.Server.Port);
        if (_judge.Protocol is AppProtocol.Unknown or AppProtocol.Other) return;

        _request = new MessageInspection(_rules, _judge.Protocol, Sides.ToServer, _system.Settings.BodyLimit);
        _response = new MessageInspection(_rules, _judge.Protocol, Sides.ToClient, _system.Settings.BodyLimit);
        if (_judge.Protocol == AppProtocol.Http) _http = new HttpInspection(_system, _judge, _request, _response);
        else _fields = new FieldInspection(_judge.Protocol, _judge, _request, _response);
        FeedProtocol(Sides.ToServer, client.Bytes);
        if (server.Start == 0 && !_judge.Ended) FeedProtocol(Sides.ToClient, server.Bytes);
    }

    private void FeedProtocol(Sides side, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return;
        _http?.Feed(side, bytes);
        _fields?.Feed(side, bytes, Raw(side).Window);
    }

    private Verdict Answer(Sides side, bool force)
    {
        var raw = Raw(side);
        var hold = false;
        if (!_judge.Ended && raw.Pending)
        {
            if (force || _judge.MayWork(side)) raw.Ask(_judge, messageEnds: false);
            else hold = true;
        }

        if (!_judge.Ended && _http is not null && _http.Pending(side))
        {
            if (force || _judge.MayWork(side)) _http.Ask(side);
            else hold = true;
        }

        if (!force && side == Sides.ToServer && _http is { IsOver: false, AwaitsServer: true }) hold = true;
        return _judge.Take(hold);
    }
}
