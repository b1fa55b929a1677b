using System.Security.Cryptography;
using System.Text;

namespace Tosec.Engines.Ips.State;

internal enum DatasetOperation : byte
{
    IsSet,
    IsNotSet,
    Set,
    Unset,
}

internal enum DatasetType : byte
{
    /// <summary>The bytes themselves; base64 in files.</summary>
    String,

    /// <summary>MD5 of the bytes; hexadecimal in files.</summary>
    Md5,

    /// <summary>SHA-256 of the bytes; hexadecimal in files.</summary>
    Sha256,
}

/// <summary>A named set that rules ask and change. Any thread. Holds at most a fixed number of values; more are not added.</summary>
internal sealed class Dataset(string name, DatasetType type, int capacity)
{
    // A value is kept as the SHA-256 of the bytes (or the hash that a file gives), so that its size is bounded.
    private readonly HashSet<Digest> _values = [];
    private readonly Lock _lock = new();

    public string Name { get; } = name;

    public DatasetType Type { get; } = type;

    /// <summary>Reads a file, a value a line. Throws <see cref="FormatException"/> or <see cref="IOException"/>.</summary>
    public void Load(string path)
    {
        foreach (var line in File.ReadLines(path, Encoding.Latin1))
        {
            var text = line.Split(',')[0].Trim();
            if (text.Length == 0) continue;
            var value = Type switch
            {
                DatasetType.String => DigestOf(Convert.FromBase64String(text)),
                DatasetType.Md5 when text.Length == 32 => new Digest(UInt128.Zero, Number(Convert.FromHexString(text))),
                DatasetType.Sha256 when text.Length == 64 =>
                    new Digest(Number(Convert.FromHexString(text[..32])), Number(Convert.FromHexString(text[32..]))),
                _ => throw new FormatException($"\"{text}\" in {path} is no hash of this type"),
            };
            if (_values.Count < capacity) _values.Add(value);
            else throw new FormatException($"{path} has more than {capacity} values");
        }
    }

    /// <summary>Does the operation hold of the bytes? <c>Set</c> and <c>Unset</c> hold when they changed the set.</summary>
    public bool Holds(DatasetOperation operation, ReadOnlySpan<byte> bytes)
    {
        var value = DigestOf(bytes);
        lock (_lock)
        {
            return operation switch
            {
                DatasetOperation.IsSet => _values.Contains(value),
                DatasetOperation.IsNotSet => !_values.Contains(value),
                DatasetOperation.Set => _values.Count < capacity && _values.Add(value),
                _ => _values.Remove(value),
            };
        }
    }

    private Digest DigestOf(ReadOnlySpan<byte> bytes)
    {
        Span<byte> hash = stackalloc byte[32];
        if (Type == DatasetType.Md5)
        {
            MD5.HashData(bytes, hash);
            return new Digest(UInt128.Zero, Number(hash[..16]));
        }

        SHA256.HashData(bytes, hash);
        return new Digest(Number(hash[..16]), Number(hash[16..]));
    }

    private static UInt128 Number(ReadOnlySpan<byte> bytes) => System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);

    private readonly record struct Digest(UInt128 High, UInt128 Low);
}
