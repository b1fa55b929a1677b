namespace Tosec.Engines.Ips.Parsing;

/// <summary>What to do with an option. Throws <see cref="RuleException"/>.</summary>
internal delegate void KeywordHandler(RuleBuilder rule, string keyword, string? value);

/// <summary>All keywords there are: those that are honoured, and those that are known and are not.</summary>
internal static class Keywords
{
    private static readonly Dictionary<string, KeywordHandler> _handlers = Collect();

    /// <summary>The keywords that are honoured, in order.</summary>
    public static IEnumerable<string> Honoured => _handlers.Keys.Order(StringComparer.Ordinal);

    /// <summary>Lets a rule take an option. Throws <see cref="RuleException"/> when it cannot be honoured.</summary>
    public static void Apply(RuleBuilder rule, RuleOption option)
    {
        if (_handlers.TryGetValue(option.Keyword, out var handler))
            handler(rule, option.Keyword, option.Value);
        else
            throw new RuleException(option.Keyword, RefusedKeywords.ReasonOf(option.Keyword));
    }

    private static Dictionary<string, KeywordHandler> Collect()
    {
        var handlers = new Dictionary<string, KeywordHandler>(StringComparer.Ordinal);
        MetaKeywords.AddTo(handlers);
        FlowKeywords.AddTo(handlers);
        ContentKeywords.AddTo(handlers);
        PcreKeyword.AddTo(handlers);
        BufferKeywords.AddTo(handlers);
        NumberKeywords.AddTo(handlers);
        SizeKeywords.AddTo(handlers);
        StateKeywords.AddTo(handlers);
        return handlers;
    }
}
