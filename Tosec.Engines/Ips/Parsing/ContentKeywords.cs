using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Parsing;

/// <summary><c>content</c> and what says where it must lie.</summary>
internal static class ContentKeywords
{
    public static void AddTo(Dictionary<string, KeywordHandler> handlers)
    {
        handlers["content"] = Content;
        handlers["nocase"] = Flag(static content => content.NoCase = true);
        handlers["startswith"] = Flag(static content => content.StartsWith = true);
        handlers["endswith"] = Flag(static content => content.EndsWith = true);

        // What a decoder changes is in buffers of its own here, so the stream is raw always.
        handlers["rawbytes"] = Flag(static _ => { });
        handlers["offset"] = Place(0, static (content, place) => content.Offset = place);
        handlers["depth"] = Place(1, static (content, place) => content.Depth = place);
        handlers["distance"] = Place(int.MinValue, static (content, place) =>
        {
            content.Distance = place;
            content.Relative = true;
        });
        handlers["within"] = Place(1, static (content, place) =>
        {
            content.Within = place;
            content.Relative = true;
        });
        handlers["fast_pattern"] = FastPattern;
    }

    /// <summary>Checks a content whose modifiers have all been read. Throws <see cref="RuleException"/>.</summary>
    public static void Check(ContentStep content)
    {
        var length = content.Pattern.Length;
        var isAbsolute = content.Offset is not null || content.Depth is not null;
        if (isAbsolute && content.Relative)
            throw new RuleException("content", "both offset or depth and distance or within");
        if (content.StartsWith && (isAbsolute || content.Relative))
            throw new RuleException("startswith", "beside offset, depth, distance or within");
        if (content.EndsWith && isAbsolute)
            throw new RuleException("endswith", "beside offset or depth");
        if (content.Depth is { IsVariable: false } depth && depth.Value < length)
            throw new RuleException("depth", "shorter than the content");
        if (content.Within is { IsVariable: false } within && within.Value < length)
            throw new RuleException("within", "shorter than the content");
        if (content.FastPattern is { } part)
        {
            if (content.Negated) throw new RuleException("fast_pattern", "on a negated content");
            if (part.End.GetOffset(length) > length || part.Start.GetOffset(length) >= part.End.GetOffset(length))
                throw new RuleException("fast_pattern", "outside of the content");
        }

        if (content.NoCase) content.Pattern = [.. content.Pattern.Select(Lower)];
    }

    private static byte Lower(byte b) => b is >= (byte)'A' and <= (byte)'Z' ? (byte)(b | 0x20) : b;

    private static void Content(RuleBuilder rule, string keyword, string? value)
    {
        var text = Values.Required(keyword, value);
        var negated = text[0] == '!';
        var content = new ContentStep(Values.Bytes(keyword, Values.Quoted(keyword, negated ? text[1..].TrimStart() : text)))
        {
            Negated = negated,
        };
        rule.Add(content);
    }

    private static KeywordHandler Flag(Action<ContentStep> set) => (rule, keyword, value) =>
    {
        Values.None(keyword, value);
        set(rule.Content(keyword));
    };

    private static KeywordHandler Place(long least, Action<ContentStep, Operand> set) => (rule, keyword, value) =>
        set(rule.Content(keyword), rule.Operand(keyword, Values.Required(keyword, value), least, int.MaxValue));

    private static void FastPattern(RuleBuilder rule, string keyword, string? value)
    {
        var content = rule.Content(keyword);
        if (value is null or "only")
        {
            content.FastPattern = Range.All;
            return;
        }

        var parts = Values.List(keyword, value);
        if (parts.Length != 2) throw new RuleException(keyword, "neither only nor an offset and a length");
        var offset = (int)Values.Number(keyword, parts[0], 0, ushort.MaxValue);
        content.FastPattern = new Range(offset, offset + (int)Values.Number(keyword, parts[1], 1, ushort.MaxValue));
    }
}
