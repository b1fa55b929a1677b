using System.Globalization;
using System.Text;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>Reads the small forms that options' values are made of. Throws <see cref="RuleException"/> naming the keyword.</summary>
internal static class Values
{
    public static string Required(string keyword, string? value) =>
        string.IsNullOrWhiteSpace(value) ? throw new RuleException(keyword, "needs a value") : value;

    public static void None(string keyword, string? value)
    {
        if (value is not null) throw new RuleException(keyword, "takes no value");
    }

    public static long Number(string keyword, string text, long least, long most)
    {
        text = text.Trim();
        var isHex = text.StartsWith("0x", StringComparison.OrdinalIgnoreCase);
        var style = isHex ? NumberStyles.AllowHexSpecifier : NumberStyles.AllowLeadingSign;
        if (!long.TryParse(isHex ? text.AsSpan(2) : text, style, CultureInfo.InvariantCulture, out var number))
            throw new RuleException(keyword, $"\"{text}\" is no number");
        return number >= least && number <= most
            ? number : throw new RuleException(keyword, $"{number} is not in {least} to {most}");
    }

    /// <summary>Parts at commas, without the blanks around them.</summary>
    public static string[] List(string keyword, string? value)
    {
        var parts = Required(keyword, value).Split(',', StringSplitOptions.TrimEntries);
        return parts.Any(part => part.Length == 0) ? throw new RuleException(keyword, "an empty part") : parts;
    }

    /// <summary>What stands between the quotes, backslashes left as they are.</summary>
    public static string Quoted(string keyword, string? value)
    {
        var text = Required(keyword, value);
        return text.Length >= 2 && text[0] == '"' && text[^1] == '"'
            ? text[1..^1] : throw new RuleException(keyword, "the value is not in quotes");
    }

    /// <summary>Text for people: quotes around it are optional, a backslash makes the next character itself.</summary>
    public static string Text(string keyword, string? value)
    {
        var text = Required(keyword, value);
        if (text.Length >= 2 && text[0] == '"' && text[^1] == '"') text = text[1..^1];
        if (!text.Contains('\\', StringComparison.Ordinal)) return text;
        var plain = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 1 < text.Length) i++;
            plain.Append(text[i]);
        }

        return plain.ToString();
    }

    /// <summary>The bytes of a <c>content</c>: text with <c>|hex|</c> parts.</summary>
    public static byte[] Bytes(string keyword, string text)
    {
        var bytes = new List<byte>(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '|':
                    var end = text.IndexOf('|', i + 1);
                    if (end < 0) throw new RuleException(keyword, "a hexadecimal part has no end");
                    Hexadecimal(keyword, text[(i + 1)..end], bytes);
                    i = end;
                    break;
                case '\\' when i + 1 < text.Length && text[i + 1] is '\\' or '"' or ';' or ':':
                    bytes.Add((byte)text[++i]);
                    break;
                case '\\':
                    throw new RuleException(keyword, "a backslash before a character that needs none");
                case '"':
                    throw new RuleException(keyword, "a quote without a backslash");
                case > '\xff':
                    throw new RuleException(keyword, "a character that is no byte");
                default:
                    bytes.Add((byte)text[i]);
                    break;
            }
        }

        return bytes.Count > 0 ? [.. bytes] : throw new RuleException(keyword, "empty");
    }

    private static void Hexadecimal(string keyword, string text, List<byte> bytes)
    {
        var digits = string.Concat(text.Where(c => !char.IsWhiteSpace(c)));
        if (digits.Length == 0 || digits.Length % 2 != 0 || !digits.All(char.IsAsciiHexDigit))
            throw new RuleException(keyword, $"\"{text}\" is not hexadecimal");
        bytes.AddRange(Convert.FromHexString(digits));
    }
}
