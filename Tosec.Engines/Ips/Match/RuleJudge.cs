using System.Net;
using System.Numerics;
using Tosec.Actors.Inspection;
using Tosec.Engines.Ips.Compile;
using Tosec.Engines.Ips.Model;
using Tosec.Engines.Ips.State;

namespace Tosec.Engines.Ips.Match;

/// <summary>
/// Asks rules on behalf of one connection, and gathers what they find: its flow bits, its protocol, its verdict. Belongs to the
/// connection's worker thread.
/// </summary>
internal sealed class RuleJudge(RuleSet rules, IpsSettings settings, StreamFacts facts)
{
    // A rule may set what another asks for, and that again: so often at most.
    private const int MaxRounds = 8;

    // What a payload and each of its bytes allow in work, and what may be saved up: bounds the time that hostile bytes can cost.
    // A payload allows a few looks at the whole window, so that keys that are typed do not wait.
    private const long WorkPerPayload = 256 * 1024;
    private const long WorkPerByte = 1000;
    private const long MostWork = 64 * 1024 * 1024;

    private readonly IPEndPoint _client = facts.Client;
    private readonly IPEndPoint _server = facts.Server;
    private readonly List<Threat> _found = [];
    private FlowBitSet _flowBits;
    private long _toServerCredit = MostWork;
    private long _toClientCredit = MostWork;

    /// <summary>What the connection speaks.</summary>
    public AppProtocol Protocol { get; set; }

    /// <summary>Tells of the HTTP exchange that is looked at; null outside of HTTP.</summary>
    public Func<HttpFacts?>? Http { get; set; }

    /// <summary>A rule lets the rest of the connection pass.</summary>
    public bool Passed { get; private set; }

    /// <summary>What ends the connection.</summary>
    public Threat? Blocked { get; private set; }

    /// <summary>Nothing more is asked.</summary>
    public bool Ended => Passed || Blocked is not null;

    /// <summary>A payload has come: more work may be done for this side.</summary>
    public void Earn(Sides side, int bytes)
    {
        ref var credit = ref Credit(side);
        credit = Math.Min(MostWork, credit + WorkPerPayload + (bytes * WorkPerByte));
    }

    /// <summary>Has this side's work been paid for? If not, what it sends waits for more.</summary>
    public bool MayWork(Sides side) => Credit(side) > 0;

    /// <summary>Asks rules in their order.</summary>
    /// <param name="candidates">Bits of the rules worth asking.</param>
    /// <param name="asked">Of what.</param>
    /// <param name="side">Whose bytes.</param>
    public void Ask(ReadOnlySpan<ulong> candidates, IAsked asked, Sides side)
    {
        var evaluator = RuleEvaluator.Current;
        var before = evaluator.Work;
        for (var round = 0; round < MaxRounds && !Ended; round++)
        {
            _flowBits.Changed = false;
            AskOnce(evaluator, candidates, asked, side, onlyReaders: round > 0);
            if (!_flowBits.Changed) break;
        }

        Credit(side) -= evaluator.Work - before;
    }

    /// <summary>Something that could not be inspected: reported, and the end of the connection unless the settings say otherwise.</summary>
    public void Report(string signature, string category, bool block)
    {
        var threat = IpsThreats.OfEngine(signature, category, Http?.Invoke());
        if (block && !settings.DetectionOnly) Blocked ??= threat;
        else _found.Add(threat);
    }

    /// <summary>What was found since the last call.</summary>
    public Verdict Take(bool hold)
    {
        if (Blocked is { } blocked)
        {
            Blocked = blocked with { Others = [.. _found] };
            _found.Clear();
            return Verdict.Block(Blocked);
        }

        if (_found.Count == 0) return hold && !Ended ? Verdict.Hold : Verdict.Pass;
        var first = _found[0] with { Others = _found[1..] };
        _found.Clear();
        return Verdict.Alert(first);
    }

    private ref long Credit(Sides side)
    {
        if (side == Sides.ToServer) return ref _toServerCredit;
        return ref _toClientCredit;
    }

    private void AskOnce(RuleEvaluator evaluator, ReadOnlySpan<ulong> candidates, IAsked asked, Sides side, bool onlyReaders)
    {
        var (sender, receiver) = side == Sides.ToServer ? (_client, _server) : (_server, _client);
        for (var word = 0; word < candidates.Length; word++)
        {
            for (var bits = candidates[word]; bits != 0; bits &= bits - 1)
            {
                var rule = rules.Rules[(word * 64) + BitOperations.TrailingZeroCount(bits)];
                if (onlyReaders && !rule.Rule.ReadsFlowBits) continue;
                if (!Applies(rule.Rule, side, sender, receiver) || !asked.Shows(rule)) continue;
                var holds = evaluator.Holds(rule, asked, settings.StepLimit);
                if (!holds && !evaluator.Exhausted) continue;
                asked.Answered(rule);
                if (holds) Match(rule, sender, receiver);
                else Report($"IPS: rule {rule.Rule.Info.Sid} needs more steps than allowed", "engine-limit", settings.OnLimit == IpsChoice.Block);
                if (Ended) return;
            }
        }
    }

    private bool Applies(Rule rule, Sides side, IPEndPoint sender, IPEndPoint receiver) =>
        (rule.Sides & side) != 0
        && (rule.Header.Protocol == AppProtocol.Unknown || rule.Header.Protocol == Protocol)
        && _flowBits.Allows(rule.FlowBits)
        && rule.Header.Covers(sender, receiver);

    private void Match(CompiledRule compiled, IPEndPoint sender, IPEndPoint receiver)
    {
        var rule = compiled.Rule;
        if (rule.DetectionFilter is { } filter && !Admits(filter)) return;
        _flowBits.Apply(rule.FlowBits, rules.FlowBits);
        if (rule.Action == RuleAction.Pass)
        {
            Passed = true;
            return;
        }

        var blocks = rule.Action != RuleAction.Alert;
        if (rule.Silent && !blocks) return;
        if (rule.Threshold is { } threshold && !Admits(threshold) && !(blocks && threshold.Kind == ThresholdKind.Limit)) return;
        var threat = IpsThreats.OfRule(rule, Http?.Invoke());
        if (blocks && !settings.DetectionOnly) Blocked = threat;
        else _found.Add(threat);

        bool Admits(ThresholdSpec spec) =>
            rules.Thresholds.Admits(spec, compiled.Index, facts.ConnectionId, sender.Address, receiver.Address);
    }
}
