namespace Tosec.Engines.Ips.Parsing;

/// <summary>One option of a rule, as written.</summary>
/// <param name="Keyword">Before the colon.</param>
/// <param name="Value">Behind the colon, without the blanks around it; null: there was no colon.</param>
internal readonly record struct RuleOption(string Keyword, string? Value);

/// <summary>Takes a rule file and a rule apart, without understanding either.</summary>
internal static class RuleText
{
    /// <summary>The longest rule, in characters.</summary>
    public const int MaxRule = 64 * 1024;

    private const int MaxOptions = 256;

    /// <summary>
    /// The rules of a file with their first line's number: comments and empty lines left out, lines that end with a backslash
    /// joined to the next.
    /// </summary>
    public static IEnumerable<(int Line, string Text)> Rules(IEnumerable<string> lines)
    {
        var number = 0;
        var first = 0;
        var joined = "";
        foreach (var line in lines)
        {
            number++;
            if (joined.Length == 0)
            {
                first = number;
                var start = line.AsSpan().TrimStart();
                if (start.IsEmpty || start[0] == '#') continue;
            }

            var text = line.TrimEnd();
            if (text.EndsWith('\\') && joined.Length + text.Length <= MaxRule)
            {
                joined += text[..^1];
                continue;
            }

            yield return (first, joined + text);
            joined = "";
        }

        if (joined.Length > 0) yield return (first, joined);
    }

    /// <summary>The rule's header and its options. Throws <see cref="RuleException"/>.</summary>
    public static (string Header, List<RuleOption> Options) Split(string rule)
    {
        if (rule.Length > MaxRule) throw new RuleException("rule", $"longer than {MaxRule} characters");
        var open = rule.IndexOf('(', StringComparison.Ordinal);
        if (open < 0) throw new RuleException("rule", "no options in parentheses");
        var text = rule.AsSpan().TrimEnd();
        if (text[^1] != ')') throw new RuleException("rule", "does not end with )");
        return (rule[..open], Options(text[(open + 1)..^1]));
    }

    // As Suricata does: a semicolon ends an option unless a backslash stands before it, in quotes too.
    private static List<RuleOption> Options(ReadOnlySpan<char> text)
    {
        var options = new List<RuleOption>();
        var start = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\')
            {
                i++;
            }
            else if (text[i] == ';')
            {
                if (options.Count == MaxOptions) throw new RuleException("rule", $"more than {MaxOptions} options");
                options.Add(Option(text[start..i]));
                start = i + 1;
            }
        }

        if (!text[start..].IsWhiteSpace()) throw new RuleException("rule", "the last option does not end with ;");
        return options;
    }

    private static RuleOption Option(ReadOnlySpan<char> text)
    {
        text = text.Trim();
        if (text.IsEmpty) throw new RuleException("rule", "an empty option");
        var colon = text.IndexOf(':');
        return colon < 0
            ? new RuleOption(text.ToString(), null)
            : new RuleOption(text[..colon].TrimEnd().ToString(), text[(colon + 1)..].Trim().ToString());
    }
}
