using System.Buffers;

namespace Tosec.Engines.Auditor;

/// <summary>Bytes at the end of what a client has sent, one behind the other. Keeps a pooled array only while there are any.</summary>
internal sealed class UndecidedBytes : IDisposable
{
    private byte[] _bytes = [];
    private int _start;

    public int Count { get; private set; }

    public ReadOnlySpan<byte> Bytes => _bytes.AsSpan(_start, Count);

    public void Add(ReadOnlySpan<byte> bytes)
    {
        if (_start + Count + bytes.Length > _bytes.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(Math.Max(4096, Count + bytes.Length));
            Bytes.CopyTo(larger);
            Return();
            _bytes = larger;
            _start = 0;
        }

        bytes.CopyTo(_bytes.AsSpan(_start + Count));
        Count += bytes.Length;
    }

    public void Remove(int count)
    {
        _start += count;
        Count -= count;
        if (Count > 0) return;
        _start = 0;
        // A session that waits for its user keeps nothing large.
        if (_bytes.Length <= 4096) return;
        Return();
    }

    public void Dispose()
    {
        Count = 0;
        Return();
    }

    private void Return()
    {
        if (_bytes.Length > 0) ArrayPool<byte>.Shared.Return(_bytes);
        _bytes = [];
    }
}
