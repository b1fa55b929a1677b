using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Compile;

/// <summary>Chooses what the prefilter looks for.</summary>
internal static class FastPatterns
{
    /// <summary>
    /// The condition and the literal without which the rule cannot match: the one its writer names, else the longest. Null: there
    /// is none, and the rule is asked always.
    /// </summary>
    public static (int Condition, byte[] Bytes, bool NoCase)? Of(Rule rule)
    {
        (int Condition, byte[] Bytes, bool NoCase)? best = null;
        var bestRank = 0;
        for (var i = 0; i < rule.Conditions.Length; i++)
        {
            foreach (var step in rule.Conditions[i].Steps)
            {
                if (step is not ContentStep { Negated: false } content) continue;
                if (content.FastPattern is { } part) return (i, content.Pattern[part], content.NoCase);
                var rank = Rank(rule.Conditions[i].Buffer.Kind, content.Pattern.Length);
                if (rank <= bestRank) continue;
                best = (i, content.Pattern, content.NoCase);
                bestRank = rank;
            }
        }

        return best;
    }

    // Every request has a method and every response a status: what is looked for there is found all the time.
    private static int Rank(BufferKind kind, int length) =>
        kind is BufferKind.HttpMethod or BufferKind.HttpStatusCode or BufferKind.HttpStatusMessage or BufferKind.HttpProtocol
            ? 1 : 1 + length;
}
