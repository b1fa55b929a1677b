using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Parsing;

/// <summary><c>byte_test</c>, <c>byte_jump</c>, <c>byte_extract</c>, <c>byte_math</c>, <c>base64_decode</c>.</summary>
internal static class NumberKeywords
{
    public static void AddTo(Dictionary<string, KeywordHandler> handlers)
    {
        handlers["byte_test"] = Test;
        handlers["byte_jump"] = Jump;
        handlers["byte_extract"] = Extract;
        handlers["byte_math"] = Math;
        handlers["base64_decode"] = Base64;
    }

    private static void Test(RuleBuilder rule, string keyword, string? value)
    {
        var parts = Values.List(keyword, value);
        if (parts.Length < 4) throw new RuleException(keyword, "needs bytes, operator, value and offset");
        var options = new NumberOptions(keyword, parts.AsSpan(4));
        var negated = parts[1][0] == '!';
        var comparison = (negated ? parts[1][1..].TrimStart() : parts[1]) switch
        {
            "" when negated => Comparison.Equal,
            "=" => Comparison.Equal,
            "<" => Comparison.Less,
            ">" => Comparison.Greater,
            "<=" => Comparison.LessOrEqual,
            ">=" => Comparison.GreaterOrEqual,
            "&" => Comparison.And,
            "^" => Comparison.Xor,
            var other => throw new RuleException(keyword, $"\"{other}\" is no operator"),
        };
        rule.Add(new ByteTestStep
        {
            Bytes = options.Bytes(parts[0]),
            Comparison = comparison,
            Value = rule.Operand(keyword, parts[2], 0),
            Offset = rule.Operand(keyword, parts[3], -65535, 65535),
            Form = options.Form,
            Bitmask = options.Bitmask,
            Relative = options.Relative,
            Negated = negated,
        });
        options.Finish();
    }

    private static void Jump(RuleBuilder rule, string keyword, string? value)
    {
        var parts = Values.List(keyword, value);
        if (parts.Length < 2) throw new RuleException(keyword, "needs bytes and offset");
        var options = new NumberOptions(keyword, parts.AsSpan(2));
        rule.Add(new ByteJumpStep
        {
            Bytes = options.Bytes(parts[0], least: 0),
            Offset = rule.Operand(keyword, parts[1], -65535, 65535),
            Form = options.Form,
            Bitmask = options.Bitmask,
            Relative = options.Relative,
            Multiplier = (int)Values.Number(keyword, options.Take("multiplier") ?? "1", 1, 65535),
            PostOffset = rule.Operand(keyword, options.Take("post_offset") ?? "0", -65535, 65535),
            Align = options.Has("align"),
            Origin = options.Has("from_beginning") ? JumpOrigin.Beginning
                : options.Has("from_end") ? JumpOrigin.End : JumpOrigin.BehindNumber,
        });
        options.Finish();
    }

    private static void Extract(RuleBuilder rule, string keyword, string? value)
    {
        var parts = Values.List(keyword, value);
        if (parts.Length < 3) throw new RuleException(keyword, "needs bytes, offset and name");
        var options = new NumberOptions(keyword, parts.AsSpan(3));
        rule.Add(new ByteExtractStep
        {
            Bytes = options.Bytes(parts[0]),
            Offset = rule.Operand(keyword, parts[1], -65535, 65535),
            Form = options.Form,
            Bitmask = options.Bitmask,
            Relative = options.Relative,
            Multiplier = (int)Values.Number(keyword, options.Take("multiplier") ?? "1", 1, 65535),
            Align = options.Take("align") switch
            {
                null => 1,
                "2" => 2,
                "4" => 4,
                var other => throw new RuleException(keyword, $"align {other} is neither 2 nor 4"),
            },
            Result = rule.Declare(parts[2], keyword),
        });
        options.Finish();
    }

    private static void Math(RuleBuilder rule, string keyword, string? value)
    {
        var options = new NumberOptions(keyword, Values.List(keyword, value));
        rule.Add(new ByteMathStep
        {
            Bytes = options.Bytes(Needed("bytes")),
            Offset = rule.Operand(keyword, Needed("offset"), -65535, 65535),
            Form = options.Form,
            Bitmask = options.Bitmask,
            Relative = options.Relative,
            Right = rule.Operand(keyword, Needed("rvalue"), 0),
            Arithmetic = Needed("oper") switch
            {
                "+" => Arithmetic.Add,
                "-" => Arithmetic.Subtract,
                "*" => Arithmetic.Multiply,
                "/" => Arithmetic.Divide,
                "<<" => Arithmetic.ShiftLeft,
                ">>" => Arithmetic.ShiftRight,
                var other => throw new RuleException(keyword, $"\"{other}\" is no operator"),
            },
            Result = rule.Declare(Needed("result"), keyword),
        });
        options.Finish();

        string Needed(string name) => options.Take(name) ?? throw new RuleException(keyword, $"needs {name}");
    }

    private static void Base64(RuleBuilder rule, string keyword, string? value)
    {
        var options = new NumberOptions(keyword, value is null ? [] : Values.List(keyword, value));
        var bytes = options.Take("bytes");
        rule.Add(new Base64Step
        {
            Bytes = bytes is null ? null : (int)Values.Number(keyword, bytes, 1, 65535),
            Offset = (int)Values.Number(keyword, options.Take("offset") ?? "0", 0, 65535),
            Relative = options.Relative,
        });
        options.Finish();
    }
}
