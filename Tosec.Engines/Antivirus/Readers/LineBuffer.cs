using System.Text;

namespace Tosec.Engines.Antivirus.Readers;

/// <summary>Gathers lines that end in CRLF. One thread.</summary>
internal sealed class LineBuffer(int limit)
{
    private readonly List<byte> _bytes = [];

    /// <summary>What there is of a line that has not ended.</summary>
    public bool IsEmpty => _bytes.Count == 0;

    /// <summary>A line is longer than allowed, or ends otherwise than in CRLF.</summary>
    public bool IsBroken { get; private set; }

    /// <summary>Takes bytes up to a line's end.</summary>
    /// <returns>The line without its end; null: it has not ended, all bytes are taken.</returns>
    public string? Take(ref ReadOnlySpan<byte> bytes)
    {
        var end = bytes.IndexOf((byte)'\n');
        var part = end < 0 ? bytes : bytes[..(end + 1)];
        bytes = bytes[part.Length..];
        if (_bytes.Count + part.Length > limit)
        {
            IsBroken = true;
            return null;
        }

        _bytes.AddRange(part);
        if (end < 0) return null;
        var line = System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_bytes);
        if (line.Length < 2 || line[^2] != '\r' || line[..^2].Contains((byte)'\r'))
        {
            IsBroken = true;
            return null;
        }

        var text = Encoding.Latin1.GetString(line[..^2]);
        _bytes.Clear();
        return text;
    }
}
