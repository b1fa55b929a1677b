using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Tosec.Engines.Auditor.Policy;

/// <summary>Names of normalized statements: the first 64 bits of their SHA-256, so that nobody makes two of one name by intent.</summary>
internal static class Fingerprints
{
    public static string Of(string normalized)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(Encoding.UTF8.GetBytes(normalized), hash);
        return BinaryPrimitives.ReadUInt64BigEndian(hash).ToString("x16");
    }
}
