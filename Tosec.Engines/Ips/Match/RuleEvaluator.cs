using Tosec.Engines.Hyperscan;
using Tosec.Engines.Ips.Compile;
using Tosec.Engines.Pcre;

namespace Tosec.Engines.Ips.Match;

/// <summary>
/// A worker's own means of asking rules: working memory of the libraries, variables, decoded bytes, and a count of the work done.
/// One per thread; never shared.
/// </summary>
internal sealed class RuleEvaluator
{
    /// <summary>Most bytes that a rule may decode from base64.</summary>
    public const int MaxDecoded = 64 * 1024;

    [ThreadStatic]
    private static RuleEvaluator? _current;

    private readonly HashSet<RuleSet> _prepared = [];
    private readonly Lazy<byte[]> _decoded = new(static () => new byte[MaxDecoded], isThreadSafe: false);
    private long[] _variables = new long[16];

    private RuleEvaluator()
    {
    }

    /// <summary>This thread's.</summary>
    public static RuleEvaluator Current => _current ??= new RuleEvaluator();

    public HyperscanScanner Scanner { get; } = new();

    public PcreWorkspace Pcre { get; } = new();

    /// <summary>Bytes looked at, and a fixed amount for each step: only grows.</summary>
    public long Work { get; set; }

    /// <summary>Steps that the current rule may still take.</summary>
    public int StepsLeft { get; set; }

    /// <summary>The last rule needed more steps than it may take: its answer is not known.</summary>
    public bool Exhausted { get; set; }

    public long[] Variables => _variables;

    public byte[] Decoded => _decoded.Value;

    /// <summary>Makes ready for a set; called before its first scan on this thread.</summary>
    public void Prepare(RuleSet rules)
    {
        if (!_prepared.Add(rules)) return;
        _prepared.RemoveWhere(static set => set.IsReleased);
        _prepared.Add(rules);
        foreach (var database in rules.Databases) Scanner.Prepare(database.Database);
    }

    /// <summary>Is all that the rule asks so, as far as it can be said now?</summary>
    public bool Holds(CompiledRule rule, IBuffers buffers, int stepLimit)
    {
        StepsLeft = stepLimit;
        Exhausted = false;
        if (rule.Rule.Variables > _variables.Length) _variables = new long[rule.Rule.Variables];
        foreach (var condition in rule.Conditions)
            if (!Holds(condition, buffers)) return false;
        return true;
    }

    private bool Holds(in SlotCondition condition, IBuffers buffers)
    {
        var count = buffers.Count(condition.Slot);
        for (var i = 0; i < count; i++)
        {
            var data = buffers.Get(condition.Slot, i, out var complete);
            if (new StepRun(this, condition.Steps, data, complete).Holds()) return true;
            if (Exhausted) return false;
        }

        return false;
    }
}
