using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>The words behind the first values of a <c>byte_*</c> option: flags, and names with a value.</summary>
internal sealed class NumberOptions
{
    private readonly string _keyword;
    private readonly List<string> _words;

    public NumberOptions(string keyword, ReadOnlySpan<string> words)
    {
        _keyword = keyword;
        _words = [.. words];
        Relative = Has("relative");
        IsText = Has("string");
        Bitmask = (uint)Values.Number(keyword, Take("bitmask") ?? "0", 0, uint.MaxValue);
        if (Has("dce")) throw new RuleException(keyword, "dce: DCE/RPC is not read");
        var hexadecimal = Has("hex");
        var octal = Has("oct");
        var @decimal = Has("dec");
        var little = Has("little") || Take("endian") == "little";
        if (Has("big") && little) throw new RuleException(keyword, "both big and little");
        Has("big");
        if (!IsText && (hexadecimal || octal || @decimal)) throw new RuleException(keyword, "a number's base without string");
        if (IsText && little) throw new RuleException(keyword, "both string and little");
        Form = !IsText ? little ? NumberForm.LittleEndian : NumberForm.BigEndian
            : hexadecimal ? NumberForm.Hexadecimal : octal ? NumberForm.Octal : NumberForm.Decimal;
    }

    public bool Relative { get; }

    public NumberForm Form { get; }

    public uint Bitmask { get; }

    private bool IsText { get; }

    /// <summary>How many bytes the number has.</summary>
    public int Bytes(string text, int least = 1) =>
        (int)Values.Number(_keyword, text, least, IsText ? 23 : 8);

    /// <summary>Was the flag given?</summary>
    public bool Has(string flag) => _words.Remove(flag);

    /// <summary>The value of <c>name value</c>; null: it was not given.</summary>
    public string? Take(string name)
    {
        for (var i = 0; i < _words.Count; i++)
        {
            if (!_words[i].StartsWith(name + " ", StringComparison.Ordinal)) continue;
            var value = _words[i][name.Length..].Trim();
            _words.RemoveAt(i);
            return value;
        }

        return null;
    }

    /// <summary>Throws when a word was left over.</summary>
    public void Finish()
    {
        if (_words.Count > 0) throw new RuleException(_keyword, $"\"{_words[0]}\" is unknown");
    }
}
