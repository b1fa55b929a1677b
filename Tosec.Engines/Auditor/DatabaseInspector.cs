using Tosec.Actors.Inspection;

namespace Tosec.Engines.Auditor;

/// <summary>
/// Judges one connection to a database: keeps the client's undecided bytes together, asks the protocol's reader, and turns its decisions
/// into verdicts. A refused unit waits until everything before it is answered, so that the error comes in its turn.
/// </summary>
internal sealed class DatabaseInspector : IStreamInspector
{
    private readonly StreamFacts _facts;
    private readonly AuditSession _session;
    private readonly IConversation _conversation;
    private readonly UndecidedBytes _undecided = new();
    private readonly UndecidedBytes _greeting = new();

    // Set by the verdict that ends the connection; every later call repeats it.
    private Threat? _blocked;
    private Decision _refused;

    public DatabaseInspector(AuditorSystem system, in StreamFacts facts, Func<AuditSession, IConversation> read)
    {
        _facts = facts;
        _session = new AuditSession(system, facts);
        _conversation = read(_session);
    }

    public Verdict Inspect(StreamDirection direction, ReadOnlySpan<byte> payload)
    {
        if (_blocked is { } threat) return Verdict.Block(threat);
        return direction == _facts.Initiator ? Client(payload) : Server(payload);
    }

    public Verdict End(StreamDirection direction)
    {
        if (_blocked is { } threat) return Verdict.Block(threat);
        if (direction == _facts.Initiator ? _undecided.Count > 0 : _greeting.Count > 0)
            return Blocked(_session.Violation("an end within a message"), default);
        return Verdict.Pass;
    }

    public Verdict HoldLimit(StreamDirection direction)
    {
        if (_blocked is { } threat) return Verdict.Block(threat);
        if (direction != _facts.Initiator && _greeting.Count > 0)
            return Blocked(_session.Violation("a greeting that is longer, or took longer, than may be held"), default);
        if (direction != _facts.Initiator || _undecided.Count == 0) return Verdict.Pass;
        return _refused.Kind == DecisionKind.Refuse
            ? Blocked(_refused.Threat ?? _session.Violation("a refused statement waited too long for its turn"), default)
            : Blocked(_session.Violation("a message that is longer, or took longer, than may be held"), default);
    }

    public void Dispose()
    {
        _undecided.Dispose();
        _greeting.Dispose();
        _session.Ended();
    }

    private Verdict Server(ReadOnlySpan<byte> payload)
    {
        if (_conversation.AwaitsGreeting) return Greeting(payload);
        if (payload.IsEmpty || _conversation.IsOpaque) return Verdict.Pass;
        if (_conversation.Server(payload) is { } reason) return Blocked(_session.Violation(reason), default);
        return _session.TakeRowsThreat(out var blocks) is not { } threat ? Verdict.Pass
            : blocks ? Blocked(threat, default) : Verdict.Alert(threat);
    }

    private Verdict Greeting(ReadOnlySpan<byte> payload)
    {
        _greeting.Add(payload);
        if (_greeting.Count == 0) return Verdict.Pass;
        var decision = _conversation.Greeting(_greeting.Bytes);
        if (decision.Kind == DecisionKind.End) return Blocked(decision.Threat!, default);
        if (decision.Kind == DecisionKind.More) return Verdict.Hold;
        var rest = _greeting.Count - decision.Count;
        _greeting.Remove(_greeting.Count);
        return rest == 0
            ? Verdict.Cut(decision.Count, new StreamEdit(null, decision.Replacement, default))
            : Blocked(_session.Violation("bytes behind the server's greeting"), default);
    }

    private Verdict Client(ReadOnlySpan<byte> payload)
    {
        if (_conversation.IsOpaque && _undecided.Count == 0) return Verdict.Pass;
        _undecided.Add(payload);
        var released = 0;
        while (_undecided.Count > released)
        {
            if (_conversation.IsOpaque)
                return Done(_undecided.Count);
            var decision = _refused.Kind == DecisionKind.Refuse ? _refused : _conversation.Client(_undecided.Bytes[released..]);
            switch (decision.Kind)
            {
                case DecisionKind.Release:
                    released += decision.Count;
                    // An alert is one verdict's: what follows is asked for again.
                    if (decision.Threat is { } alert)
                    {
                        _undecided.Remove(released);
                        return Verdict.Release(released, alert);
                    }

                    break;
                case DecisionKind.Refuse:
                    _refused = decision;
                    return Refuse(decision, released);
                case DecisionKind.End:
                    return Blocked(decision.Threat!, _conversation.IsIdle ? decision.Answer?.Invoke() : default);
                default:
                    if (_undecided.Count - released > _session.Settings.MessageLimit)
                        return Blocked(_session.Violation("a message longer than message-limit"), default);
                    return Done(released);
            }
        }

        return Done(released);
    }

    private Verdict Refuse(Decision decision, int released)
    {
        if (released > 0 || !_conversation.IsIdle)
            return Done(released);
        _undecided.Remove(decision.Count);
        _refused = default;
        return Verdict.Cut(decision.Count, new StreamEdit(decision.Threat, decision.Replacement, decision.Answer?.Invoke()));
    }

    private Verdict Done(int released)
    {
        var all = released == _undecided.Count;
        _undecided.Remove(released);
        return all ? Verdict.Pass : released > 0 ? Verdict.Release(released) : Verdict.Hold;
    }

    private Verdict Blocked(Threat threat, ReadOnlyMemory<byte> answer)
    {
        _blocked = answer.IsEmpty ? threat : threat with { Answer = answer };
        return Verdict.Block(_blocked);
    }
}
