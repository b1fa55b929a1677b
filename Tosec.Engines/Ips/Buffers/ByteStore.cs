using System.Buffers;

namespace Tosec.Engines.Ips.Buffers;

/// <summary>Bytes that grow, in memory of a pool. One thread; the owner disposes it, and may use it again after that.</summary>
internal struct ByteStore : IDisposable
{
    private byte[]? _bytes;

    public int Length { get; private set; }

    public readonly ReadOnlySpan<byte> Span => _bytes.AsSpan(0, Length);

    public readonly ReadOnlySpan<byte> Slice(int start, int length) => _bytes.AsSpan(start, length);

    public void Append(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Room(bytes.Length));
        Length += bytes.Length;
    }

    public void Append(byte value)
    {
        Room(1)[0] = value;
        Length++;
    }

    /// <summary>Room behind the last byte; what is written there counts once <see cref="Advance"/> is called.</summary>
    public Span<byte> Room(int bytes)
    {
        if (_bytes is null || _bytes.Length - Length < bytes)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(Length + bytes, Math.Max(256, Length * 2)));
            Span.CopyTo(larger);
            if (_bytes is not null) ArrayPool<byte>.Shared.Return(_bytes);
            _bytes = larger;
        }

        return _bytes.AsSpan(Length);
    }

    public void Advance(int bytes) => Length += bytes;

    /// <summary>Drops the first bytes.</summary>
    public void Drop(int bytes)
    {
        Span[bytes..].CopyTo(_bytes);
        Length -= bytes;
    }

    /// <summary>Forgets the bytes and keeps the memory.</summary>
    public void Clear() => Length = 0;

    public void Dispose()
    {
        if (_bytes is not null) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = null;
        Length = 0;
    }
}
