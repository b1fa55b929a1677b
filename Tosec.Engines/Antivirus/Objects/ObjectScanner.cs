using System.Security.Cryptography;
using MimeKit;
using Tosec.Engines.Antivirus.Clamd;

namespace Tosec.Engines.Antivirus.Objects;

/// <summary>Scans an object as it is, and then each part of what is made of parts, decoded. Any thread; blocks.</summary>
internal sealed class ObjectScanner(ClamdClient clamd, int partsLimit, int objectLimit)
{
    private const int Depth = 64;
    private const int PartBytes = 32 * 1024;

    private static readonly ParserOptions _options = new() { MaxMimeDepth = Depth };

    public ScanVerdict Scan(ScanObject item)
    {
        var reply = clamd.Scan(item.File);
        if (reply.Status != ClamdStatus.Clean || item.Coding is ContentCoding.None or ContentCoding.Unknown)
            return Conclude(item, item.File, reply);
        using var decoded = new MemoryFile();
        if (Decode(item, decoded) is { } problem) return Conclude(item, item.File, problem);
        return Conclude(item, decoded, decoded.Length == 0 ? reply : clamd.Scan(decoded));
    }

    private ScanVerdict Conclude(ScanObject item, MemoryFile file, ClamdReply reply)
    {
        var part = "";
        if (reply.Status == ClamdStatus.Clean && item.Kind != ObjectKind.Plain) (reply, part) = ScanParts(item, file);
        return new ScanVerdict(reply, part, file.Length, Hash(file));
    }

    // Null: decoded. A body that is not in the coding it names is read by some programs all the same, and nobody knows how.
    private ClamdReply? Decode(ScanObject item, MemoryFile decoded)
    {
        try
        {
            using var sink = new LimitedSink(decoded, objectLimit);
            using var stream = ContentDecoding.Open(item.Coding, item.File.OpenRead());
            Span<byte> part = new byte[PartBytes];
            int read;
            while (!sink.Overflowed && (read = stream.Read(part)) > 0) sink.Write(part[..read]);
            return sink.Overflowed ? new ClamdReply(ClamdStatus.Limited, $"more than {objectLimit} bytes when decoded") : null;
        }
        catch (InvalidDataException)
        {
            return ClamdReply.Failed($"the body is not in its content coding, {item.Coding.ToString().ToLowerInvariant()}");
        }
    }

    private static string Hash(MemoryFile file)
    {
        using var stream = file.OpenRead();
        return Convert.ToHexStringLower(SHA256.HashData(stream));
    }

    private (ClamdReply Reply, string Part) ScanParts(ScanObject item, MemoryFile file)
    {
        using var stream = file.OpenRead();
        try
        {
            var root = item.Kind == ObjectKind.Entity
                ? MimeEntity.Load(_options, ContentType.Parse(_options, item.ContentType), stream)
                : MimeMessage.Load(_options, stream, persistent: true).Body;
            var found = ScanTree(root);
            if (found.Reply.Status != ClamdStatus.Clean || item.Kind != ObjectKind.MailPart) return found;
        }
        catch (FormatException) when (item.Kind == ObjectKind.MailPart)
        {
            // A part alone, without a header: decoded below by every encoding there is.
        }
        catch (FormatException failure)
        {
            return (ClamdReply.Failed($"not readable as MIME: {failure.Message}"), "");
        }

        foreach (var encoding in new[] { ContentEncoding.Base64, ContentEncoding.QuotedPrintable, ContentEncoding.UUEncode })
        {
            stream.Position = 0;
            using var content = new MimeContent(stream, encoding);
            var reply = ScanContent(content);
            if (reply.Status != ClamdStatus.Clean) return (reply, "");
        }

        return (ClamdReply.Clean, "");
    }

    private (ClamdReply Reply, string Part) ScanTree(MimeEntity? root)
    {
        var count = 0;
        var left = new Stack<MimeEntity?>([root]);
        while (left.TryPop(out var entity))
        {
            if (++count > partsLimit) return (new ClamdReply(ClamdStatus.Limited, $"more than {partsLimit} parts"), "");
            switch (entity)
            {
                case Multipart multipart:
                    foreach (var child in multipart) left.Push(child);
                    break;
                case MessagePart { Message: { } message }:
                    left.Push(message.Body);
                    break;
                case MimePart { Content: { } content } part:
                    var reply = ScanContent(content);
                    if (reply.Status != ClamdStatus.Clean) return (reply, part.FileName ?? part.ContentType.MimeType);
                    break;
            }
        }

        return (ClamdReply.Clean, "");
    }

    private ClamdReply ScanContent(IMimeContent content)
    {
        using var file = new MemoryFile();
        using var sink = new LimitedSink(file, objectLimit);
        content.DecodeTo(sink);
        if (sink.Overflowed) return new ClamdReply(ClamdStatus.Limited, $"a part of more than {objectLimit} bytes");
        return file.Length == 0 ? ClamdReply.Clean : clamd.Scan(file);
    }
}
