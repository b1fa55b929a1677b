namespace Tosec.Engines.Ips.Match;

/// <summary>Finds a content where the prefilter has said that it may be. Pure functions.</summary>
internal static class ByteSearch
{
    /// <summary>Index of the first occurrence, or -1.</summary>
    /// <param name="data">Where.</param>
    /// <param name="pattern">What; in lower case when <paramref name="noCase"/>.</param>
    /// <param name="noCase">ASCII letters in either case.</param>
    public static int IndexOf(ReadOnlySpan<byte> data, ReadOnlySpan<byte> pattern, bool noCase)
    {
        if (!noCase) return data.IndexOf(pattern);
        var first = pattern[0];
        var last = data.Length - pattern.Length;
        for (var at = 0; at <= last; at++)
        {
            var rest = data[at..(last + 1)];
            var next = char.IsAsciiLetterLower((char)first) ? rest.IndexOfAny(first, (byte)(first - 0x20)) : rest.IndexOf(first);
            if (next < 0) return -1;
            at += next;
            if (Equals(data.Slice(at, pattern.Length), pattern)) return at;
        }

        return -1;
    }

    private static bool Equals(ReadOnlySpan<byte> data, ReadOnlySpan<byte> lower)
    {
        for (var i = 0; i < lower.Length; i++)
        {
            var b = data[i];
            if (b is >= (byte)'A' and <= (byte)'Z') b |= 0x20;
            if (b != lower[i]) return false;
        }

        return true;
    }
}
