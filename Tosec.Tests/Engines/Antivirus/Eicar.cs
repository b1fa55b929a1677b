using System.IO.Compression;
using System.Text;

namespace Tosec.Tests.Engines.Antivirus;

/// <summary>The EICAR test file, which every antivirus calls a virus, in what files are sent in.</summary>
internal static class Eicar
{
    /// <summary>Put together at run time, so that no antivirus takes the tests themselves away.</summary>
    public static string Text { get; } = string.Concat("X5O!P%@AP[4\\PZX54(P^)7CC)7}", "$EICAR-STAND", "ARD-ANTIVIRUS-TE", "ST-FILE!$H+H*");

    public static string Gzip(string text) => Coded(text, stream => new GZipStream(stream, CompressionLevel.Optimal));

    public static string Deflate(string text) => Coded(text, stream => new ZLibStream(stream, CompressionLevel.Optimal));

    public static string Brotli(string text) => Coded(text, stream => new BrotliStream(stream, CompressionLevel.Optimal));

    public static string Zip(string text)
    {
        var bytes = new MemoryStream();
        using (var zip = new ZipArchive(bytes, ZipArchiveMode.Create, leaveOpen: true))
        {
            using var entry = zip.CreateEntry("file.com").Open();
            entry.Write(Encoding.Latin1.GetBytes(text));
        }

        return Encoding.Latin1.GetString(bytes.ToArray());
    }

    public static string Base64(string text) =>
        Convert.ToBase64String(Encoding.Latin1.GetBytes(text), Base64FormattingOptions.InsertLineBreaks);

    /// <summary>A mail with an attachment in base64.</summary>
    public static string Mail(string attachment) =>
        "From: a@example.org\r\nTo: b@example.org\r\nSubject: files\r\nMIME-Version: 1.0\r\n"
        + "Content-Type: multipart/mixed; boundary=\"x\"\r\n\r\n--x\r\nContent-Type: text/plain\r\n\r\nsee below\r\n..\r\n--x\r\n"
        + "Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n"
        + $"Content-Disposition: attachment; filename=\"file.zip\"\r\n\r\n{Base64(attachment)}\r\n--x--\r\n";

    private static string Coded(string text, Func<Stream, Stream> coding)
    {
        var bytes = new MemoryStream();
        using (var stream = coding(bytes)) stream.Write(Encoding.Latin1.GetBytes(text));
        return Encoding.Latin1.GetString(bytes.ToArray());
    }
}
