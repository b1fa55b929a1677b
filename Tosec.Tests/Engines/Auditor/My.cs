using System.Text;

namespace Tosec.Tests.Engines.Auditor;

/// <summary>Packets of MySQL's protocol, one byte a character.</summary>
internal static class My
{
    // Offers everything: SSL, compression, local files, no EOF.
    public static string Greeting => Packet(0, "\u000a8.0.1\0" + "\u0001\0\0\0" + "12345678" + "\0" + "\u00ff\u00ff" + "\u0021" + "\u0002\0" + "\u00ff\u00ff" + "\u0015" + new string('\0', 10) + "123456789012\0mysql_native_password\0");

    // Protocol 4.1, secure connection, database, local files, multi-statements.
    public static string Login => Packet(1, "\u0088\u0082\u0003\0" + "\0\0\0\u0001" + "\u0021" + new string('\0', 23) + "ada\0" + "\u0004abcd" + "shop\0");

    public static string Ok(int sequence, int rows = 0, int status = 2) => Packet(sequence, "\0" + (char)rows + "\0" + (char)(status & 255) + (char)(status >> 8) + "\0\0");

    public static string Eof(int sequence, int status = 2) => Packet(sequence, "\u00fe\0\0" + (char)(status & 255) + (char)(status >> 8));

    public static string Error(int sequence, int code) => Packet(sequence, "\u00ff" + (char)(code & 255) + (char)(code >> 8) + "#42000no");

    public static string Query(string sql) => Packet(0, "\u0003" + sql);

    /// <summary>One column and so many rows.</summary>
    public static string Rows(int rows, int status = 2)
    {
        var sequence = 1;
        var result = Packet(sequence++, "\u0001") + Packet(sequence++, "\u0003def") + Eof(sequence++);
        for (var n = 0; n < rows; n++) result += Packet(sequence++, "\u0001x");
        return result + Eof(sequence, status);
    }

    public static string Packet(int sequence, string body) =>
        $"{(char)(body.Length & 255)}{(char)(body.Length >> 8 & 255)}{(char)(body.Length >> 16)}{(char)(sequence & 255)}{body}";

    public static string Text(byte[] bytes) => Encoding.Latin1.GetString(bytes);
}
