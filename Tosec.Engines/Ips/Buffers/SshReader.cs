namespace Tosec.Engines.Ips.Buffers;

/// <summary>Reads the line that each side of SSH begins with (RFC 4253, section 4.2): <c>SSH-2.0-software comment</c>.</summary>
internal static class SshReader
{
    private const int MaxLine = 255;

    /// <summary>Could these be a side's first bytes?</summary>
    public static bool CanBegin(ReadOnlySpan<byte> bytes) => bytes.StartsWith("SSH-"u8[..Math.Min(bytes.Length, 4)]);

    /// <summary>Looks for version and software.</summary>
    /// <param name="bytes">The side's stream from its first byte on.</param>
    /// <param name="protocol">Set when the answer is <see cref="ReaderState.Done"/>, as is <paramref name="software"/>.</param>
    /// <param name="software">Without the comment.</param>
    public static ReaderState Read(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> protocol, out ReadOnlySpan<byte> software)
    {
        protocol = default;
        software = default;
        var end = bytes.IndexOf((byte)'\n');
        if (end < 0) return bytes.Length > MaxLine ? ReaderState.Nothing : ReaderState.NeedsMore;
        var line = bytes[..end].TrimEnd((byte)'\r');
        if (!line.StartsWith("SSH-"u8)) return ReaderState.Nothing;
        line = line[4..];
        var dash = line.IndexOf((byte)'-');
        if (dash < 0) return ReaderState.Nothing;
        protocol = line[..dash];
        software = line[(dash + 1)..];
        var blank = software.IndexOf((byte)' ');
        if (blank >= 0) software = software[..blank];
        return ReaderState.Done;
    }
}
