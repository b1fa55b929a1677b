using Tosec.Engines.Hyperscan;
using Tosec.Engines.Ips.Model;
using Tosec.Engines.Ips.Parsing;
using Tosec.Engines.Ips.State;

namespace Tosec.Engines.Ips.Compile;

/// <summary>
/// Rules in force, ordered and compiled. Read-only but for the counters of thresholds and the sets of data; any thread. Shared by
/// the streams that were opened with it: each takes a reference, and the last one that goes releases the native memory.
/// </summary>
internal sealed class RuleSet : IDisposable
{
    private const int ThresholdCapacity = 100_000;

    private readonly PatternDatabase?[] _databases;
    private readonly ulong[]?[] _always;
    private readonly bool[] _needed;
    private readonly int[][] _scanned;
    private int _references = 1;

    public RuleSet(ReadRules read, TimeProvider time)
    {
        Problems = read.Problems;
        FlowBits = read.FlowBits;
        Thresholds = new Thresholds(time, ThresholdCapacity);
        Slots = [new BufferKey(BufferKind.Payload, []), .. read.Rules.SelectMany(rule => rule.Conditions)
            .Select(condition => condition.Buffer).Where(key => key.Kind != BufferKind.Payload || key.Transforms.Length > 0).Distinct()];
        var slots = Slots.Select((key, slot) => (key, slot)).ToDictionary(pair => pair.key, pair => pair.slot);
        Rules = [.. Ordered(read.Rules).Select((rule, index) => new CompiledRule(
            index, rule, [.. rule.Conditions.Select(condition => new SlotCondition(slots[condition.Buffer], condition.Steps))],
            Anchoring.NeedsMessage(rule)))];
        _always = new ulong[]?[(int)(AppProtocol.Smb + 1) * 2];
        _databases = new PatternDatabase?[Slots.Length * 2];
        _needed = new bool[256 * 2];
        _scanned = new int[_always.Length][];
        Index();
        foreach (var protocol in Enum.GetValues<AppProtocol>())
            foreach (var side in (ReadOnlySpan<Sides>)[Sides.ToServer, Sides.ToClient])
                _scanned[((int)protocol * 2) + Place(side)] = Scanned(protocol, side);
    }

    /// <summary>In the order in which they are asked.</summary>
    public CompiledRule[] Rules { get; }

    /// <summary>The buffers that rules look into; 0 is the payload.</summary>
    public BufferKey[] Slots { get; }

    public IReadOnlyList<RuleProblem> Problems { get; }

    public int FlowBits { get; }

    public Thresholds Thresholds { get; }

    /// <summary>Words of a bit set over all rules.</summary>
    public int Words => (Rules.Length + 63) / 64;

    /// <summary>The databases there are.</summary>
    public IEnumerable<PatternDatabase> Databases => _databases.OfType<PatternDatabase>();

    /// <summary>The prefilter of a buffer in a direction; null: no rule has its fast pattern there.</summary>
    public PatternDatabase? DatabaseOf(int slot, Sides side) => _databases[(slot * 2) + Place(side)];

    /// <summary>
    /// The rules without a fast pattern that look at a protocol's parts (<see cref="AppProtocol.Unknown"/>: at payload) in a
    /// direction, as bits; null: none.
    /// </summary>
    public ulong[]? AlwaysOf(AppProtocol protocol, Sides side) => _always[((int)protocol * 2) + Place(side)];

    /// <summary>The buffers of a protocol's messages that have a prefilter for blocks.</summary>
    public ReadOnlySpan<int> ScannedSlots(AppProtocol protocol, Sides side) => _scanned[((int)protocol * 2) + Place(side)];

    /// <summary>Does any rule look into buffers of this kind in this direction?</summary>
    public bool Needs(BufferKind kind, Sides side) => _needed[((int)kind * 2) + Place(side)];

    /// <summary>No stream has it any more.</summary>
    public bool IsReleased => Volatile.Read(ref _references) == 0;

    /// <summary>Takes a reference; false when the last one has gone.</summary>
    public bool TryAcquire()
    {
        for (var references = Volatile.Read(ref _references); references > 0; references = Volatile.Read(ref _references))
            if (Interlocked.CompareExchange(ref _references, references + 1, references) == references) return true;
        return false;
    }

    /// <summary>Gives a reference back.</summary>
    public void Dispose()
    {
        if (Interlocked.Decrement(ref _references) > 0) return;
        foreach (var database in Databases) database.Dispose();
        foreach (var rule in Rules)
            foreach (var condition in rule.Conditions)
                Release(condition.Steps);
    }

    private static void Release(IEnumerable<Step> steps)
    {
        foreach (var step in steps)
        {
            (step as PcreStep)?.Regex.Dispose();
            if (step is Base64Step base64) Release(base64.Inner);
        }
    }

    private static int Place(Sides side) => side == Sides.ToServer ? 0 : 1;

    private int[] Scanned(AppProtocol protocol, Sides side) => [.. Enumerable.Range(0, Slots.Length).Where(slot =>
        Slots[slot].Kind.Protocol() == protocol && DatabaseOf(slot, side) is { Streaming: false })];

    // What lets pass comes first, what sets a flow bit before what asks for it, the more severe before the less.
    private static IEnumerable<Rule> Ordered(IEnumerable<Rule> rules) => rules
        .OrderBy(rule => rule.Action)
        .ThenBy(rule => rule.WritesFlowBits ? rule.ReadsFlowBits ? 1 : 0 : rule.ReadsFlowBits ? 3 : 2)
        .ThenBy(rule => rule.Info.Priority);

    private void Index()
    {
        var builders = new PatternDatabase.Builder?[_databases.Length];
        foreach (var rule in Rules)
        {
            var fast = FastPatterns.Of(rule.Rule);
            foreach (var side in (ReadOnlySpan<Sides>)[Sides.ToServer, Sides.ToClient])
            {
                if ((rule.Rule.Sides & side) == 0) continue;
                foreach (var condition in rule.Rule.Conditions) _needed[((int)condition.Buffer.Kind * 2) + Place(side)] = true;
                if (rule.OfPayload) _needed[((int)BufferKind.Payload * 2) + Place(side)] = true;
                if (fast is { } pattern)
                {
                    var place = (rule.Conditions[pattern.Condition].Slot * 2) + Place(side);
                    (builders[place] ??= new()).Add(pattern.Bytes, pattern.NoCase, rule.Index);
                }
                else
                {
                    var protocol = rule.OfPayload ? AppProtocol.Unknown : rule.Rule.Header.Protocol;
                    var bits = _always[((int)protocol * 2) + Place(side)] ??= new ulong[Words];
                    bits[rule.Index >> 6] |= 1UL << rule.Index;
                }
            }
        }

        try
        {
            for (var place = 0; place < builders.Length; place++)
            {
                var slot = Slots[place / 2];
                _databases[place] = builders[place]?.Build(slot.Kind.Grows() && slot.Transforms.Length == 0);
            }
        }
        catch
        {
            foreach (var database in Databases) database.Dispose();
            throw;
        }
    }
}
