using System.Buffers.Binary;
using System.Text;

namespace Tosec.Engines.Ips.Buffers;

/// <summary>How far a reader has come.</summary>
internal enum ReaderState : byte
{
    NeedsMore,
    Done,

    /// <summary>What was looked for is not there, or the bytes are not this protocol.</summary>
    Nothing,
}

/// <summary>
/// Reads the server's name out of a TLS ClientHello (RFC 8446, RFC 6066), which may lie in several records. There is no library
/// for this alone: TLS libraries want to be an end of the connection.
/// </summary>
internal static class TlsReader
{
    private const int RecordHeader = 5;
    private const int MaxHello = 16 * 1024;

    /// <summary>Could these be a client's first bytes?</summary>
    public static bool CanBegin(ReadOnlySpan<byte> bytes) =>
        (bytes.Length < 1 || bytes[0] == 22) && (bytes.Length < 2 || bytes[1] == 3) && (bytes.Length < 6 || bytes[5] == 1);

    /// <summary>Looks for the name; in lower case.</summary>
    /// <param name="bytes">The client's stream from its first byte on.</param>
    /// <param name="hello">Working memory; cleared.</param>
    /// <param name="name">Set when the answer is <see cref="ReaderState.Done"/>.</param>
    public static ReaderState ReadServerName(ReadOnlySpan<byte> bytes, ref ByteStore hello, out byte[] name)
    {
        name = [];
        hello.Clear();
        while (hello.Length < MaxHello)
        {
            if (hello.Length >= 4)
            {
                var wanted = (hello.Span[1] << 16) | (hello.Span[2] << 8) | hello.Span[3];
                if (hello.Span[0] != 1 || wanted > MaxHello) return ReaderState.Nothing;
                if (hello.Length >= wanted + 4) return NameOf(hello.Span.Slice(4, wanted), out name);
            }

            if (bytes.Length < RecordHeader) return ReaderState.NeedsMore;
            if (bytes[0] != 22 || bytes[1] != 3) return ReaderState.Nothing;
            int length = BinaryPrimitives.ReadUInt16BigEndian(bytes[3..]);
            if (length == 0) return ReaderState.Nothing;
            var there = Math.Min(length, bytes.Length - RecordHeader);
            hello.Append(bytes.Slice(RecordHeader, there));
            bytes = bytes[(RecordHeader + there)..];
        }

        return ReaderState.Nothing;
    }

    private static ReaderState NameOf(ReadOnlySpan<byte> hello, out byte[] name)
    {
        name = [];

        // Version and random; then session id, cipher suites, compression methods, extensions, each behind its length.
        if (hello.Length < 34 || !TrySkip(ref hello, 34, 1) || !TrySkip(ref hello, 0, 2) || !TrySkip(ref hello, 0, 1))
            return ReaderState.Nothing;
        if (!TryTake(ref hello, 2, out var extensions)) return ReaderState.Nothing;
        while (extensions.Length >= 4)
        {
            var type = BinaryPrimitives.ReadUInt16BigEndian(extensions);
            extensions = extensions[2..];
            if (!TryTake(ref extensions, 2, out var extension)) return ReaderState.Nothing;
            if (type != 0) continue;
            if (!TryTake(ref extension, 2, out var list)) return ReaderState.Nothing;
            while (list.Length >= 3)
            {
                var kind = list[0];
                list = list[1..];
                if (!TryTake(ref list, 2, out var host)) return ReaderState.Nothing;
                if (kind != 0 || host.IsEmpty) continue;
                name = host.ToArray();
                Ascii.ToLowerInPlace(name, out _);
                return ReaderState.Done;
            }
        }

        return ReaderState.Nothing;
    }

    private static bool TrySkip(ref ReadOnlySpan<byte> bytes, int fixedLength, int lengthBytes)
    {
        bytes = bytes[fixedLength..];
        return TryTake(ref bytes, lengthBytes, out _);
    }

    private static bool TryTake(ref ReadOnlySpan<byte> bytes, int lengthBytes, out ReadOnlySpan<byte> taken)
    {
        taken = default;
        if (bytes.Length < lengthBytes) return false;
        var length = lengthBytes == 1 ? bytes[0] : BinaryPrimitives.ReadUInt16BigEndian(bytes);
        if (bytes.Length < lengthBytes + length) return false;
        taken = bytes.Slice(lengthBytes, length);
        bytes = bytes[(lengthBytes + length)..];
        return true;
    }
}
