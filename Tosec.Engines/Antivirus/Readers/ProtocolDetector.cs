namespace Tosec.Engines.Antivirus.Readers;

/// <summary>Tells by the first bytes of a connection what is spoken. Pure functions; any thread.</summary>
internal static class ProtocolDetector
{
    /// <summary>Bytes that are enough to tell.</summary>
    public const int Enough = 24;

    /// <returns>Null: more bytes are needed.</returns>
    public static AntivirusProtocol? Detect(Sender first, ReadOnlySpan<byte> bytes) =>
        first == Sender.Client ? OfClient(bytes) : OfServer(bytes);

    // Any method, even a made-up one: what is no HTTP after all is a violation then.
    private static AntivirusProtocol? OfClient(ReadOnlySpan<byte> bytes)
    {
        var text = bytes.TrimStart("\r\n"u8);
        var end = text.IndexOfAnyExceptInRange((byte)'A', (byte)'Z');
        if (end < 0) return bytes.Length < Enough ? null : AntivirusProtocol.Raw;
        return end > 0 && text[end] == ' ' ? AntivirusProtocol.Http : AntivirusProtocol.Raw;
    }

    private static AntivirusProtocol? OfServer(ReadOnlySpan<byte> bytes)
    {
        foreach (var (greeting, protocol) in new[] { ("220", AntivirusProtocol.Smtp), ("* OK", AntivirusProtocol.Imap), ("* PREAUTH", AntivirusProtocol.Imap) })
        {
            var length = Math.Min(greeting.Length, bytes.Length);
            if (!System.Text.Ascii.Equals(bytes[..length], greeting.AsSpan(0, length))) continue;
            return length == greeting.Length ? protocol : null;
        }

        return AntivirusProtocol.Raw;
    }
}
