using System.Buffers.Binary;
using System.Text;

namespace Tosec.Engines.Auditor.PostgreSql;

/// <summary>Messages that a PostgreSQL server would send (PostgreSQL documentation, 55.7 and 55.8).</summary>
internal static class PgAnswer
{
    public static byte[] Error(string code, string message) => Error("ERROR", code, message);

    public static byte[] Fatal(string code, string message) => Error("FATAL", code, message);

    public static byte[] Ready(byte status) => [(byte)'Z', 0, 0, 0, 5, status];

    public static byte[] WithReady(byte[] error, byte status) => [.. error, .. Ready(status)];

    private static byte[] Error(string severity, string code, string message)
    {
        var fields = Encoding.UTF8.GetBytes($"S{severity}\0V{severity}\0C{code}\0M{message}\0\0");
        var error = new byte[5 + fields.Length];
        error[0] = (byte)'E';
        BinaryPrimitives.WriteInt32BigEndian(error.AsSpan(1), 4 + fields.Length);
        fields.CopyTo(error, 5);
        return error;
    }
}
