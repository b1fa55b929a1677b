using Tosec.Engines.Hyperscan;

namespace Tosec.Engines.Ips.Compile;

/// <summary>The prefilter of one buffer in one direction: literals, and the rules that each makes worth asking. Any thread.</summary>
internal sealed class PatternDatabase : IDisposable
{
    private readonly int[][] _rules;

    private PatternDatabase(HyperscanDatabase database, int[][] rules, bool streaming)
    {
        Database = database;
        _rules = rules;
        Streaming = streaming;
    }

    public HyperscanDatabase Database { get; }

    /// <summary>Made for streams; otherwise for blocks.</summary>
    public bool Streaming { get; }

    /// <summary>How many different literals it looks for.</summary>
    public int Literals => _rules.Length;

    /// <summary>Indexes of the rules that a literal is the fast pattern of.</summary>
    public ReadOnlySpan<int> RulesOf(int literal) => _rules[literal];

    public void Dispose() => Database.Dispose();

    /// <summary>Gathers literals; equal ones are looked for once. One thread.</summary>
    public sealed class Builder
    {
        private readonly Dictionary<(string, bool), int> _ids = [];
        private readonly List<HyperscanLiteral> _literals = [];
        private readonly List<List<int>> _rules = [];

        public void Add(byte[] bytes, bool noCase, int rule)
        {
            var key = (Convert.ToHexString(bytes), noCase);
            if (!_ids.TryGetValue(key, out var id))
            {
                id = _ids[key] = _literals.Count;
                _literals.Add(new HyperscanLiteral(bytes, noCase));
                _rules.Add([]);
            }

            _rules[id].Add(rule);
        }

        /// <summary>Compiles. Throws <see cref="InvalidDataException"/>.</summary>
        public PatternDatabase Build(bool streaming) => new(
            HyperscanDatabase.Compile(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_literals), streaming),
            [.. _rules.Select(rules => rules.ToArray())], streaming);
    }
}
