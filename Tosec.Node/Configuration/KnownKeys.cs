namespace Tosec.Node.Configuration;

/// <summary>The keys that were asked for, by full name; whatever else a file says is a mistake of its writer.</summary>
internal sealed class KnownKeys
{
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);

    public void Add(string fullName) => _keys.Add(fullName);

    public bool Contains(string fullName) => _keys.Contains(fullName);

    /// <summary>Whether any known key lies inside.</summary>
    public bool IsSection(string fullName) => _keys.Any(key => key.StartsWith(fullName + ".", StringComparison.Ordinal));

    /// <summary>The known key that the writer probably meant: "; did you mean …?", or what the section has.</summary>
    public string Suggestion(string fullName)
    {
        var parent = fullName[..(fullName.LastIndexOf('.') + 1)];
        var last = fullName[parent.Length..];
        var siblings = _keys
            .Where(key => key.StartsWith(parent, StringComparison.Ordinal) && !key[parent.Length..].Contains('.', StringComparison.Ordinal))
            .OrderBy(key => EditDistance(key[parent.Length..], last)).ThenBy(key => key, StringComparer.Ordinal).ToArray();
        if (siblings.Length > 0 && EditDistance(siblings[0][parent.Length..], last) <= Math.Max(1, last.Length / 3))
            return $"; did you mean {siblings[0]}?";
        var elsewhere = _keys.Where(key => key.EndsWith("." + last, StringComparison.Ordinal))
            .Order(StringComparer.Ordinal).FirstOrDefault();
        return elsewhere is not null ? $"; did you mean {elsewhere}?"
            : siblings.Length > 0
            ? $"; known here: {string.Join(", ", siblings.Select(key => key[parent.Length..]).Order(StringComparer.Ordinal))}" : "";
    }

    /// <summary>Levenshtein's distance, with a swap of neighbours counting as one edit.</summary>
    internal static int EditDistance(string a, string b)
    {
        // Longer keys are nobody's typing error, and the table is quadratic.
        if (a.Length > 64 || b.Length > 64)
            return 64;
        var table = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++)
        {
            for (var j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    table[i, j] = i + j;
                    continue;
                }

                var cost = a[i - 1] == b[j - 1] ? 0 : 1;
                var best = Math.Min(Math.Min(table[i - 1, j] + 1, table[i, j - 1] + 1), table[i - 1, j - 1] + cost);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    best = Math.Min(best, table[i - 2, j - 2] + 1);
                table[i, j] = best;
            }
        }

        return table[a.Length, b.Length];
    }
}
