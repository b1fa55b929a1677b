using System.Buffers.Binary;
using System.Text;

namespace Tosec.Tests.Engines.Auditor;

/// <summary>Messages of PostgreSQL's protocol, one byte a character.</summary>
internal static class Pg
{
    public static string Ssl => Packet(80877103);

    public static string Ok => Message('R', Int(0)) + Message('K', Int(7) + Int(8)) + Ready();

    public static string Sync => Message('S', "");

    public static string Flush => Message('H', "");

    public static string Startup(string user, string database, string more = "") =>
        Packet(196608, $"user\0{user}\0database\0{database}\0{more}\0");

    public static string Cancel => Packet(80877102, Int(7) + Int(8));

    public static string Query(string sql) => Message('Q', sql + "\0");

    public static string Parse(string name, string sql) => Message('P', $"{name}\0{sql}\0\0\0");

    public static string Bind(string portal, string name, params string?[] values) => Message('B',
        $"{portal}\0{name}\0\0\0" + Short(values.Length) + string.Concat(values.Select(v => v is null ? Int(-1) : Int(v.Length) + v)) + "\0\0");

    public static string Execute(string portal) => Message('E', portal + "\0" + Int(0));

    public static string Done(string tag) => Message('C', tag + "\0");

    public static string Row => Message('D', "\0\0");

    public static string Error(string code) => Message('E', $"SERROR\0C{code}\0Mno\0\0");

    public static string Ready(char status = 'I') => Message('Z', status.ToString());

    public static string Message(char type, string body) => type + Int(body.Length + 4) + body;

    public static string Packet(int code, string body = "") => Int(body.Length + 8) + Int(code) + body;

    private static string Short(int value) => Int(value)[2..];

    private static string Int(int value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteInt32BigEndian(bytes, value);
        return Encoding.Latin1.GetString(bytes);
    }
}
