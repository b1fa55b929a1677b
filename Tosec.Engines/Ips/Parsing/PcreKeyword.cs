using Tosec.Engines.Ips.Model;
using Tosec.Engines.Pcre;

namespace Tosec.Engines.Ips.Parsing;

/// <summary><c>pcre</c></summary>
internal static class PcreKeyword
{
    public static void AddTo(Dictionary<string, KeywordHandler> handlers) => handlers["pcre"] = (rule, keyword, value) =>
    {
        var text = Values.Required(keyword, value);
        var negated = text[0] == '!';
        text = Values.Quoted(keyword, negated ? text[1..].TrimStart() : text);
        var end = text.LastIndexOf('/');
        if (text.Length < 2 || text[0] != '/' || end < 1) throw new RuleException(keyword, "the expression is not between slashes");
        var pattern = text[1..end];
        var flags = text[(end + 1)..];
        uint options = 0;
        var relative = false;
        (BufferKind Kind, Sides Sides)? buffer = null;
        foreach (var flag in flags)
        {
            if (OptionOf(flag) is { } option)
            {
                options |= option;
                continue;
            }

            if (flag == 'R')
            {
                relative = true;
                continue;
            }

            // B: raw bytes, O: no limit of steps asked for; both change nothing here.
            if (flag is 'B' or 'O') continue;
            var selected = BufferOf(flag)
                ?? throw new RuleException(keyword, flag == ',' ? "captures into variables are not supported" : $"unknown flag {flag}");
            if (buffer is not null && buffer != selected) throw new RuleException(keyword, "flags for two buffers");
            buffer = selected;
        }

        PcreRegex regex;
        try
        {
            regex = PcreRegex.Compile(pattern, options);
        }
        catch (FormatException failure)
        {
            throw new RuleException(keyword, failure.Message);
        }

        var anchored = (options & PcreNative.Anchored) != 0 || pattern.Contains('^', StringComparison.Ordinal)
            || pattern.Contains("\\A", StringComparison.Ordinal) || pattern.Contains("\\G", StringComparison.Ordinal);
        var step = new PcreStep(regex, anchored) { Negated = negated, Relative = relative };
        if (buffer is { } moved) rule.Add(step, moved.Kind, moved.Sides, keyword);
        else rule.Add(step);
    };

    private static uint? OptionOf(char flag) => flag switch
    {
        'i' => PcreNative.CaseLess,
        's' => PcreNative.DotAll,
        'm' => PcreNative.MultiLine,
        'x' => PcreNative.Extended,
        'A' => PcreNative.Anchored,
        'E' => PcreNative.DollarEndOnly,
        'G' => PcreNative.Ungreedy,
        _ => null,
    };

    private static (BufferKind Kind, Sides Sides)? BufferOf(char flag) => flag switch
    {
        'U' => (BufferKind.HttpUri, Sides.ToServer),
        'I' => (BufferKind.HttpUriRaw, Sides.ToServer),
        'P' => (BufferKind.HttpBody, Sides.ToServer),
        'Q' => (BufferKind.HttpBody, Sides.ToClient),
        'H' => (BufferKind.HttpHeader, Sides.Both),
        'D' => (BufferKind.HttpHeaderRaw, Sides.Both),
        'M' => (BufferKind.HttpMethod, Sides.ToServer),
        'C' => (BufferKind.HttpCookie, Sides.Both),
        'S' => (BufferKind.HttpStatusCode, Sides.ToClient),
        'Y' => (BufferKind.HttpStatusMessage, Sides.ToClient),
        'V' => (BufferKind.HttpUserAgent, Sides.ToServer),
        'W' => (BufferKind.HttpHost, Sides.ToServer),
        'Z' => (BufferKind.HttpHostRaw, Sides.ToServer),
        _ => null,
    };
}
