using System.IO.Compression;

namespace Tosec.Engines.Antivirus.Objects;

/// <summary>Takes content codings off (RFC 9110 section 8.4.1). Any thread.</summary>
internal static class ContentDecoding
{
    /// <summary>A stream of the decoded bytes; reading it throws <see cref="InvalidDataException"/> where they are none.</summary>
    /// <param name="coding">One that is known.</param>
    /// <param name="bytes">Seekable; owned by the result.</param>
    public static Stream Open(ContentCoding coding, Stream bytes) => coding switch
    {
        ContentCoding.Gzip => new GZipStream(bytes, CompressionMode.Decompress),
        ContentCoding.Brotli => new BrotliStream(bytes, CompressionMode.Decompress),
        ContentCoding.Deflate when HasZlibHeader(bytes) => new ZLibStream(bytes, CompressionMode.Decompress),
        ContentCoding.Deflate => new DeflateStream(bytes, CompressionMode.Decompress),
        _ => throw new ArgumentOutOfRangeException(nameof(coding)),
    };

    // "deflate" is zlib's format, and some send the bare one; browsers take both by this difference.
    private static bool HasZlibHeader(Stream bytes)
    {
        Span<byte> header = stackalloc byte[2];
        var read = bytes.ReadAtLeast(header, 2, throwOnEndOfStream: false);
        bytes.Position = 0;
        return read == 2 && (header[0] & 0x0f) == 8 && ((header[0] << 8) + header[1]) % 31 == 0;
    }
}
