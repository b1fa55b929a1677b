using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>What asks how long a buffer is.</summary>
internal static class SizeKeywords
{
    public static void AddTo(Dictionary<string, KeywordHandler> handlers)
    {
        handlers["bsize"] = (rule, keyword, value) => rule.Add(Size(keyword, Values.Required(keyword, value)));
        handlers["dsize"] = (rule, keyword, value) =>
            rule.Add(Size(keyword, Values.Required(keyword, value)), BufferKind.Payload, Sides.Both, keyword);
        handlers["urilen"] = (rule, keyword, value) =>
        {
            var parts = Values.List(keyword, value);
            var kind = parts switch
            {
                [_] or [_, "norm"] => BufferKind.HttpUri,
                [_, "raw"] => BufferKind.HttpUriRaw,
                _ => throw new RuleException(keyword, "neither norm nor raw behind the comma"),
            };
            rule.Add(Size(keyword, parts[0]), kind, Sides.ToServer, keyword);
        };
        handlers["isdataat"] = (rule, keyword, value) =>
        {
            var parts = Values.List(keyword, value);
            var negated = parts[0][0] == '!';
            var step = new IsDataAtStep(rule.Operand(keyword, negated ? parts[0][1..] : parts[0], 0, int.MaxValue)) { Negated = negated };
            foreach (var part in parts.AsSpan(1))
            {
                if (part == "relative") step.Relative = true;
                else if (part != "rawbytes") throw new RuleException(keyword, $"\"{part}\" is unknown");
            }

            rule.Add(step);
        };
    }

    private static SizeStep Size(string keyword, string text)
    {
        text = text.Trim();
        var between = text.IndexOf("<>", StringComparison.Ordinal);
        if (between > 0)
        {
            var first = Number(text[..between]);
            var second = Number(text[(between + 2)..]);
            return first < second
                ? new SizeStep(SizeTest.Between, first, second) : throw new RuleException(keyword, "the range is empty");
        }

        return text.Length == 0 ? throw new RuleException(keyword, "needs a value") : text[0] switch
        {
            '<' => new SizeStep(SizeTest.Less, Number(text[1..]), 0),
            '>' => new SizeStep(SizeTest.Greater, Number(text[1..]), 0),
            '!' => new SizeStep(SizeTest.NotEqual, Number(text[1..]), 0),
            '=' => new SizeStep(SizeTest.Equal, Number(text[1..]), 0),
            _ => new SizeStep(SizeTest.Equal, Number(text), 0),
        };

        long Number(string part) => Values.Number(keyword, part, 0, int.MaxValue);
    }
}
