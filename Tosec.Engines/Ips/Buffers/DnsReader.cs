using System.Buffers.Binary;

namespace Tosec.Engines.Ips.Buffers;

/// <summary>
/// Reads the names asked for in DNS messages over TCP (RFC 1035, 4.2.2): each message behind its length. Only questions are read,
/// whose names are not compressed in practice; a compressed one ends the reading of its message.
/// </summary>
internal struct DnsReader : IDisposable
{
    private const int Header = 12;

    // More names than any resolver asks for in one message.
    private const int MaxQuestions = 16;

    private ByteStore _message;

    /// <summary>Could these be a client's first bytes?</summary>
    public static bool CanBegin(ReadOnlySpan<byte> bytes) =>
        (bytes.Length < 2 || BinaryPrimitives.ReadUInt16BigEndian(bytes) >= Header + 5)
        && (bytes.Length < 5 || (bytes[4] & 0xf8) == 0)
        && (bytes.Length < 8 || BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]) is > 0 and <= MaxQuestions);

    /// <summary>
    /// Takes bytes until a message is whole. Returns how many were taken; <paramref name="message"/> is the message without its
    /// length, valid until the next call, and empty when more bytes are needed.
    /// </summary>
    public int Take(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> message)
    {
        message = default;
        if (_message.Length >= 2 && _message.Length == 2 + BinaryPrimitives.ReadUInt16BigEndian(_message.Span)) _message.Clear();
        var taken = 0;
        if (_message.Length < 2)
        {
            taken = Math.Min(2 - _message.Length, bytes.Length);
            _message.Append(bytes[..taken]);
            if (_message.Length < 2) return taken;
        }

        int length = BinaryPrimitives.ReadUInt16BigEndian(_message.Span);
        var more = Math.Min(length + 2 - _message.Length, bytes.Length - taken);
        _message.Append(bytes.Slice(taken, more));
        if (_message.Length == length + 2) message = _message.Span[2..];
        return taken + more;
    }

    /// <summary>The next name of a message's questions, labels parted by dots. False: there is no further one.</summary>
    /// <param name="message">The whole message.</param>
    /// <param name="at">Where to read on; 0 before the first.</param>
    /// <param name="question">How many were read; 0 before the first.</param>
    /// <param name="name">Written to; 255 bytes at least.</param>
    /// <param name="length">Bytes written.</param>
    public static bool TryName(ReadOnlySpan<byte> message, ref int at, ref int question, Span<byte> name, out int length)
    {
        length = 0;
        if (message.Length < Header || (message[2] & 0xf8) != 0) return false;
        if (question >= Math.Min(BinaryPrimitives.ReadUInt16BigEndian(message[4..]), (ushort)MaxQuestions)) return false;
        if (at == 0) at = Header;
        question++;
        while (at < message.Length)
        {
            int label = message[at++];
            if (label == 0)
            {
                at += 4;
                return true;
            }

            if (label > 63 || at + label > message.Length || length + label + 1 > 255) return false;
            if (length > 0) name[length++] = (byte)'.';
            message.Slice(at, label).CopyTo(name[length..]);
            length += label;
            at += label;
        }

        return false;
    }

    public void Dispose() => _message.Dispose();
}
