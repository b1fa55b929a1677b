using System.Buffers.Binary;

namespace Tosec.Node.Dns;

/// <summary>What a relay has to know of DNS messages (RFC 1035, RFC 6891). Input may be anything.</summary>
internal static class DnsMessage
{
    public const int HeaderBytes = 12;

    // RFC 1035, 4.2.1: what every asker by UDP takes.
    private const int PlainBytes = 512;

    private const int ServerFailure = 2;

    /// <summary>Whether it is a query with one question, which every resolver's is.</summary>
    /// <param name="message">As it came.</param>
    /// <param name="questionEnd">Where the question ends.</param>
    public static bool IsQuery(ReadOnlySpan<byte> message, out int questionEnd)
    {
        questionEnd = HeaderBytes;
        if (message.Length < HeaderBytes || (message[2] & 0x80) != 0 || BinaryPrimitives.ReadUInt16BigEndian(message[4..]) != 1)
            return false;
        // Labels; a question's name is not compressed.
        while (questionEnd < message.Length && message[questionEnd] is > 0 and < 64)
            questionEnd += 1 + message[questionEnd];
        questionEnd += 5;
        return questionEnd <= message.Length && message[questionEnd - 5] == 0;
    }

    /// <summary>Bytes that the asker takes by UDP: what it says in an OPT record, else 512.</summary>
    public static int AnswerLimit(ReadOnlySpan<byte> query, int questionEnd)
    {
        const int Opt = 41, OptBytes = 11;
        var rest = query[questionEnd..];
        // Only where it is the one record behind the question, as resolvers write it.
        return BinaryPrimitives.ReadUInt32BigEndian(query[6..]) == 0 && rest.Length >= OptBytes && rest[0] == 0
            && BinaryPrimitives.ReadUInt16BigEndian(rest[1..]) == Opt
            ? Math.Max(PlainBytes, (int)BinaryPrimitives.ReadUInt16BigEndian(rest[3..]))
            : PlainBytes;
    }

    /// <summary>Whether the message answers the query: its id, and an answer's flag.</summary>
    public static bool Answers(ReadOnlySpan<byte> message, ReadOnlySpan<byte> query) =>
        message.Length >= HeaderBytes && message[..2].SequenceEqual(query[..2]) && (message[2] & 0x80) != 0;

    /// <summary>The answer without its records and marked as cut off: the asker comes again by TCP.</summary>
    public static byte[] CutOff(ReadOnlySpan<byte> query, int questionEnd, ReadOnlySpan<byte> answer)
    {
        var cut = Empty(query, questionEnd);
        cut[2] = (byte)(answer[2] | 0x02);
        cut[3] = answer[3];
        return cut;
    }

    /// <summary>The answer that no server has given one.</summary>
    public static byte[] Failure(ReadOnlySpan<byte> query, int questionEnd)
    {
        var failure = Empty(query, questionEnd);
        failure[2] = (byte)(query[2] | 0x80);
        failure[3] = ServerFailure;
        return failure;
    }

    // Header and question alone.
    private static byte[] Empty(ReadOnlySpan<byte> query, int questionEnd)
    {
        var message = query[..questionEnd].ToArray();
        message.AsSpan(6, 6).Clear();
        return message;
    }
}
