using System.Buffers;

namespace Tosec.Engines.Ips.Compile;

/// <summary>A set of rules, as bits. Takes its memory from a pool at the first rule, and gives it back when disposed. One thread.</summary>
internal struct RuleBits : IDisposable
{
    private ulong[]? _words;

    /// <summary>No rule is in it, and none ever was.</summary>
    public readonly bool IsEmpty => _words is null;

    /// <param name="rule">Index of the rule.</param>
    /// <param name="words">Of the rule set; the same at every call.</param>
    public void Add(int rule, int words)
    {
        if (_words is null)
        {
            _words = ArrayPool<ulong>.Shared.Rent(words);
            Array.Clear(_words);
        }

        _words[rule >> 6] |= 1UL << rule;
    }

    public readonly bool Has(int rule) => _words is not null && (_words[rule >> 6] & (1UL << rule)) != 0;

    /// <summary>The word of rules 64 × <paramref name="index"/> and on.</summary>
    public readonly ulong Word(int index) => _words is null ? 0 : _words[index];

    /// <summary>Makes it empty; keeps its memory.</summary>
    public readonly void Clear()
    {
        if (_words is not null) Array.Clear(_words);
    }

    /// <summary>Takes the other's rules and leaves it empty.</summary>
    public void Take(ref RuleBits other)
    {
        Clear();
        (_words, other._words) = (other._words, _words);
    }

    public void Dispose()
    {
        if (_words is not null) ArrayPool<ulong>.Shared.Return(_words);
        _words = null;
    }
}
