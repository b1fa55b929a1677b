namespace Tosec.Tests.Engines;

/// <summary>Talk that nobody would say: a known one spoiled, parts of several put together, or noise. The same for the same seed.</summary>
internal sealed class Mutations(IReadOnlyList<Talk> talks)
{
    private const int MostSaid = 4096;

    /// <summary>Some payloads, none of them empty.</summary>
    public List<Said> Make(Random random)
    {
        var said = random.Next(8) == 0 ? Noise(random) : [.. talks[random.Next(talks.Count)].Said];
        if (random.Next(4) == 0) said.InsertRange(random.Next(said.Count + 1), talks[random.Next(talks.Count)].Said);
        for (var i = 0; i < said.Count; i++)
        {
            var bytes = said[i].Bytes;
            for (var times = random.Next(4); times > 0; times--) bytes = Spoiled(bytes, random);
            said[i] = new Said(random.Next(32) == 0 ? !said[i].IsClient : said[i].IsClient, bytes[..Math.Min(bytes.Length, MostSaid)]);
        }

        return [.. said.SelectMany(one => Parted(one, random))];
    }

    private byte[] Spoiled(byte[] bytes, Random random)
    {
        if (bytes.Length == 0) return bytes;
        var at = random.Next(bytes.Length);
        var end = Math.Min(bytes.Length, at + random.Next(1, 40));
        switch (random.Next(7))
        {
            case 0:
                return [.. bytes[..at], .. bytes[end..]];
            case 1:
                return [.. bytes[..end], .. bytes[at..]];
            case 2:
                return [.. bytes[..at], .. Bytes(random, random.Next(1, 20)), .. bytes[at..]];
            case 3:
                var other = talks[random.Next(talks.Count)].Said[0].Bytes;
                return [.. bytes[..at], .. other[random.Next(other.Length + 1)..]];
            case 4:
                return bytes[..at];
            case 5:
                // Marks that mean something to most protocols: ends of lines, of strings, of numbers.
                return [.. bytes[..at], .. "\r\n\0 :;,\"'\xff\x7f\x80%&"u8.Slice(random.Next(12), 1), .. bytes[at..]];
            default:
                var changed = bytes.ToArray();
                changed[at] ^= (byte)(1 << random.Next(8));
                return changed;
        }
    }

    private static List<Said> Noise(Random random) =>
        [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => new Said(random.Next(3) > 0, Bytes(random, random.Next(1, 200))))];

    private static IEnumerable<Said> Parted(Said said, Random random)
    {
        var most = random.Next(3) == 0 ? said.Bytes.Length : random.Next(1, 64);
        for (var at = 0; at < said.Bytes.Length;)
        {
            var end = Math.Min(said.Bytes.Length, at + random.Next(1, most + 1));
            yield return said with { Bytes = said.Bytes[at..end] };
            at = end;
        }
    }

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
