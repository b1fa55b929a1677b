using System.Buffers.Binary;
using System.Text;

namespace Tosec.Engines.Auditor.MySql;

/// <summary>Pieces of MySQL's packets (MySQL internals, "Protocol Basics"). Nothing here believes a length before it has been compared.</summary>
internal static class MyPackets
{
    public const int Head = 4;
    public const int MaxPayload = 0xffffff;

    /// <summary>Reads a packet's head. False: it is not complete.</summary>
    public static bool TryHead(ReadOnlySpan<byte> bytes, out int length, out byte sequence)
    {
        length = 0;
        sequence = 0;
        if (bytes.Length < Head) return false;
        length = bytes[0] | bytes[1] << 8 | bytes[2] << 16;
        sequence = bytes[3];
        return true;
    }

    /// <summary>Takes a length-encoded integer off the front. False: it is not there.</summary>
    public static bool TryTakeInteger(ref ReadOnlySpan<byte> bytes, out ulong value)
    {
        value = 0;
        if (bytes.IsEmpty) return false;
        var size = bytes[0] switch { 0xfc => 2, 0xfd => 3, 0xfe => 8, 0xff => -1, _ => 0 };
        if (size < 0 || bytes.Length < 1 + size) return false;
        if (size == 0) value = bytes[0];
        for (var i = size; i > 0; i--) value = value << 8 | bytes[i];
        bytes = bytes[(1 + size)..];
        return true;
    }

    /// <summary>Takes a text up to its zero byte off the front.</summary>
    public static bool TryTakeText(ref ReadOnlySpan<byte> bytes, out string text)
    {
        text = "";
        var end = bytes.IndexOf((byte)0);
        if (end < 0) return false;
        text = Encoding.UTF8.GetString(bytes[..end]);
        bytes = bytes[(end + 1)..];
        return true;
    }

    /// <summary>An ERR packet: what a server answers a command that it refuses.</summary>
    public static byte[] Error(byte sequence, ushort code, string state, string message)
    {
        var text = Encoding.UTF8.GetBytes($"#{state}{message}");
        var packet = new byte[Head + 3 + text.Length];
        packet[0] = (byte)(3 + text.Length);
        packet[1] = (byte)((3 + text.Length) >> 8);
        packet[3] = sequence;
        packet[4] = 0xff;
        BinaryPrimitives.WriteUInt16LittleEndian(packet.AsSpan(5), code);
        text.CopyTo(packet, 7);
        return packet;
    }
}
