using Tosec.Engines.Hyperscan;
using Tosec.Engines.Ips.Buffers;
using Tosec.Engines.Ips.Compile;
using Tosec.Engines.Ips.Match;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips;

/// <summary>
/// One protocol message at a time (a request, a response, a handshake, a question), and the rules that look into its parts. Each is
/// answered once a message. One thread.
/// </summary>
internal sealed class MessageInspection : IAsked, ILiteralSink, IDisposable
{
    private readonly RuleSet _rules;
    private readonly AppProtocol _protocol;
    private readonly Sides _side;
    private readonly ulong[]? _always;
    private readonly PatternDatabase? _bodyDatabase;
    private HyperscanStream? _bodyScan;
    private PatternDatabase? _scanning;
    private RuleBits _candidates;
    private RuleBits _answered;
    private bool _asksBodyOnly;

    public MessageInspection(RuleSet rules, AppProtocol protocol, Sides side, int bodyLimit)
    {
        _rules = rules;
        _protocol = protocol;
        _side = side;
        _always = rules.AlwaysOf(protocol, side);
        Buffers = new MessageBuffers(rules, bodyLimit);
        var slot = Array.FindIndex(rules.Slots, key => key is { Kind: BufferKind.HttpBody, Transforms.Length: 0 });
        _bodyDatabase = slot < 0 ? null : rules.DatabaseOf(slot, side);
    }

    public MessageBuffers Buffers { get; }

    /// <summary>Does any rule look into this kind of part?</summary>
    public bool Needs(BufferKind kind) => _rules.Needs(kind, _side);

    /// <summary>The body has grown since rules were asked.</summary>
    public bool Pending { get; private set; }

    /// <summary>Forgets the last message.</summary>
    public void Begin()
    {
        Buffers.Clear();
        _candidates.Clear();
        _answered.Clear();
        Pending = false;
        if (_bodyScan is not null) HyperscanScanner.Reset(_bodyScan);
    }

    /// <summary>The parts are complete (but for the body): asks.</summary>
    public void AskParts(RuleJudge judge)
    {
        ScanParts(ofBody: false);
        _asksBodyOnly = false;
        Ask(judge);
    }

    /// <summary>Takes the next bytes of the body.</summary>
    public void AddBody(ReadOnlySpan<byte> bytes)
    {
        var taken = Buffers.AddBody(bytes);
        if (taken.IsEmpty) return;
        Pending = true;
        if (_bodyDatabase is null) return;
        _scanning = _bodyDatabase;
        _bodyScan ??= new HyperscanStream(_bodyDatabase.Database);
        RuleEvaluator.Current.Scanner.Scan(_bodyScan, taken, this);
    }

    /// <summary>Asks what the body, as far as it is known, may have changed.</summary>
    public void AskBody(RuleJudge judge)
    {
        Pending = false;
        _asksBodyOnly = true;
        Ask(judge);
    }

    /// <summary>The message has ended.</summary>
    public void End(RuleJudge judge)
    {
        Buffers.EndBody();
        if (Buffers.Body.IsEmpty) return;
        ScanParts(ofBody: true);
        AskBody(judge);
    }

    bool IAsked.Shows(CompiledRule rule) =>
        !rule.OfPayload && !_answered.Has(rule.Index) && (!_asksBodyOnly || rule.NeedsBody);

    void IAsked.Answered(CompiledRule rule) => _answered.Add(rule.Index, _rules.Words);

    int IBuffers.Count(int slot) => Buffers.Count(slot);

    ReadOnlySpan<byte> IBuffers.Get(int slot, int instance, out bool complete) => Buffers.Get(slot, instance, out complete);

    void ILiteralSink.Found(int literal, long end)
    {
        foreach (var rule in _scanning!.RulesOf(literal)) _candidates.Add(rule, _rules.Words);
    }

    public void Dispose()
    {
        Buffers.Dispose();
        _bodyScan?.Dispose();
        _candidates.Dispose();
        _answered.Dispose();
    }

    private void ScanParts(bool ofBody)
    {
        var scanner = RuleEvaluator.Current.Scanner;
        foreach (var slot in _rules.ScannedSlots(_protocol, _side))
        {
            if ((_rules.Slots[slot].Kind == BufferKind.HttpBody) != ofBody) continue;
            _scanning = _rules.DatabaseOf(slot, _side)!;
            var count = Buffers.Count(slot);
            for (var i = 0; i < count; i++) scanner.Scan(_scanning.Database, Buffers.Get(slot, i, out _), this);
        }
    }

    private void Ask(RuleJudge judge)
    {
        if (_candidates.IsEmpty && _always is null) return;
        var words = _rules.Words;
        Span<ulong> candidates = words <= 512 ? stackalloc ulong[words] : new ulong[words];
        for (var i = 0; i < words; i++) candidates[i] = _candidates.Word(i) | (_always is null ? 0 : _always[i]);
        judge.Ask(candidates, this, _side);
    }
}
