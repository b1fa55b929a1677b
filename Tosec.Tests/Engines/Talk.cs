using System.Text;
using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines;

/// <summary>Bytes of one side.</summary>
public sealed record Said(bool IsClient, byte[] Bytes)
{
    public static Said Client(string text) => new(true, Encoding.Latin1.GetBytes(text));

    public static Said Server(string text) => new(false, Encoding.Latin1.GetBytes(text));
}

/// <summary>What both sides of a connection say, in turn, and what an engine makes of it.</summary>
/// <param name="Said">In order; neighbours of one side are one message in two payloads.</param>
/// <param name="Verdict">
/// <c>Pass</c>: everything reaches the other side, nothing is reported. <c>Alert</c>: the same, and it is reported. <c>Block</c>: it
/// is reported, and not everything reaches the other side.
/// </param>
/// <param name="Signatures">The rules that are reported, in the order of their numbers.</param>
/// <param name="Harm">Text (a character a byte) that never reaches the other side as a whole; empty: none is known.</param>
public sealed record Talk(Said[] Said, VerdictKind Verdict, long[] Signatures, string Harm = "")
{
    public static Talk Passes(params Said[] said) => new(said, VerdictKind.Pass, []);

    public static Talk Alerts(long signature, params Said[] said) => new(said, VerdictKind.Alert, [signature]);

    public static Talk Blocks(long signature, string harm, params Said[] said) => new(said, VerdictKind.Block, [signature], harm);

    /// <summary>All that one side says.</summary>
    public string Text(bool client) => string.Concat(Said.Where(said => said.IsClient == client).Select(said => Encoding.Latin1.GetString(said.Bytes)));

    /// <summary>The same, each side byte by byte.</summary>
    public IEnumerable<Said> ByteByByte() => Said.SelectMany(said => said.Bytes.Select(b => said with { Bytes = [b] }));

    /// <summary>The same, with one more cut, for each place there is for it.</summary>
    public IEnumerable<Said[]> CutOnce()
    {
        for (var i = 0; i < Said.Length; i++)
        {
            var bytes = Said[i].Bytes;
            for (var cut = 0; cut <= bytes.Length; cut++)
                yield return [.. Said[..i], Said[i] with { Bytes = bytes[..cut] }, Said[i] with { Bytes = bytes[cut..] }, .. Said[(i + 1)..]];
        }
    }

    /// <summary>What has been said so far, for each byte at which it may break off.</summary>
    public IEnumerable<Said[]> BrokenOff()
    {
        for (var i = 0; i < Said.Length; i++)
        {
            for (var cut = 0; cut <= Said[i].Bytes.Length; cut++)
                yield return [.. Said[..i], Said[i] with { Bytes = Said[i].Bytes[..cut] }];
        }
    }

    public override string ToString() => string.Join(" | ", Said.Select(said => $"{(said.IsClient ? '>' : '<')} {Encoding.Latin1.GetString(said.Bytes)}"));
}
