using System.Text.RegularExpressions;

namespace Tosec.Engines.Waf.Rules;

/// <summary>What a rule says of itself.</summary>
/// <param name="Message">For people; macros are left as they are written.</param>
/// <param name="Category">Its first <c>attack-…</c> tag; empty when it has none.</param>
/// <param name="Severity">1 (critical) to 4, as Suricata counts; 3 when it does not say.</param>
internal readonly record struct RuleFacts(string Message, string Category, int Severity);

/// <summary>Reads and rewrites the text of rule files. Pure functions; any thread.</summary>
internal static partial class RuleText
{
    private const string Operator = "\"@rx ";
    private const string NegatedOperator = "\"!@rx ";

    /// <summary>
    /// Gives every regular expression a limit of steps. The library itself sets none, so that one value of some kilobytes can
    /// occupy a rule for seconds. An expression that reaches the limit has not matched.
    /// </summary>
    public static string Limited(string text, int matchLimit)
    {
        var verb = $"(*LIMIT_MATCH={matchLimit})";
        return text.Replace(Operator, Operator + verb, StringComparison.Ordinal);
    }

    /// <summary>The regular expressions of a text: those with a limit, those without, and the negated ones (left as they are).</summary>
    public static (int Limited, int Unlimited, int Negated) CountExpressions(string text)
    {
        var all = Count(text, Operator);
        var limited = Count(text, Operator + "(*LIMIT_MATCH=");
        return (limited, all - limited, Count(text, NegatedOperator));
    }

    /// <summary>What the rules of a text say of themselves, by their numbers.</summary>
    public static IEnumerable<KeyValuePair<long, RuleFacts>> Describe(string text)
    {
        foreach (var rule in Continuation().Replace(text, " ").Split('\n'))
        {
            var line = rule.TrimStart();
            if (!line.StartsWith("Sec", StringComparison.Ordinal)) continue;
            var id = Id().Match(line);
            if (!id.Success) continue;
            yield return new(long.Parse(id.Groups[1].ValueSpan), new RuleFacts(
                Message().Match(line).Groups[1].Value.Replace("\\'", "'", StringComparison.Ordinal),
                Attack().Match(line).Groups[1].Value,
                SeverityOf(Severity().Match(line).Groups[1].Value)));
        }
    }

    // ModSecurity counts as syslog does: 0 emergency to 7 debug.
    private static int SeverityOf(string text) => text.ToUpperInvariant() switch
    {
        "EMERGENCY" or "ALERT" or "CRITICAL" or "0" or "1" or "2" => 1,
        "ERROR" or "3" => 2,
        "WARNING" or "4" or "" => 3,
        _ => 4,
    };

    private static int Count(string text, string what)
    {
        var count = 0;
        for (var at = text.IndexOf(what, StringComparison.Ordinal); at >= 0;
             at = text.IndexOf(what, at + what.Length, StringComparison.Ordinal))
        {
            count++;
        }

        return count;
    }

    [GeneratedRegex(@"\\\r?\n")]
    private static partial Regex Continuation();

    [GeneratedRegex(@"[""',\s]id:'?(\d+)")]
    private static partial Regex Id();

    [GeneratedRegex(@"[""',\s]msg:'((?:[^'\\]|\\.)*)'")]
    private static partial Regex Message();

    [GeneratedRegex(@"[""',\s]tag:'?(attack-[\w-]+)")]
    private static partial Regex Attack();

    [GeneratedRegex(@"[""',\s]severity:'?(\w+)")]
    private static partial Regex Severity();
}
