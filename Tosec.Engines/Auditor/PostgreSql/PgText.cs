using System.Buffers.Binary;
using System.Text;

namespace Tosec.Engines.Auditor.PostgreSql;

/// <summary>Pieces of PostgreSQL's messages. Nothing here believes a length before it has been compared.</summary>
internal static class PgText
{
    /// <summary>Reads a message's head: its type, and its bytes in all, negative when it says less than its own length field.</summary>
    /// <returns>False: the head is not complete.</returns>
    public static bool TryMessage(ReadOnlySpan<byte> bytes, out byte type, out int length)
    {
        type = 0;
        length = 0;
        if (bytes.Length < 5) return false;
        type = bytes[0];
        var said = BinaryPrimitives.ReadInt32BigEndian(bytes[1..]);
        length = said is < 4 or int.MaxValue ? -1 : said + 1;
        return true;
    }

    /// <summary>Takes a text up to its zero byte off the front.</summary>
    public static bool TryTake(ref ReadOnlySpan<byte> bytes, out string text)
    {
        text = "";
        var end = bytes.IndexOf((byte)0);
        if (end < 0) return false;
        text = Encoding.UTF8.GetString(bytes[..end]);
        bytes = bytes[(end + 1)..];
        return true;
    }

    /// <summary>The bytes of a text whose zero byte ends the message.</summary>
    public static bool TryTakeLast(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> text)
    {
        text = bytes.IsEmpty ? bytes : bytes[..^1];
        return !bytes.IsEmpty && bytes.IndexOf((byte)0) == bytes.Length - 1;
    }
}
