using Tosec.Engines.Ips.Compile;
using Tosec.Engines.Ips.Match;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Buffers;

/// <summary>
/// The parts of one protocol message (a request, a response, a handshake), by kind; a body may follow and grow. Transformed parts
/// are made once, when first asked for. One thread; used again for the next message.
/// </summary>
internal sealed class MessageBuffers(RuleSet rules, int bodyLimit) : IBuffers, IDisposable
{
    private readonly List<Part> _parts = [];
    private readonly List<Part> _transformed = [];
    private ByteStore _bytes;
    private ByteStore _body;

    /// <summary>Bytes of the body that are kept.</summary>
    public ReadOnlySpan<byte> Body => _body.Span;

    /// <summary>No byte of the body will be added.</summary>
    public bool BodyComplete { get; private set; }

    /// <summary>Begins the next message.</summary>
    public void Clear()
    {
        _parts.Clear();
        _transformed.Clear();
        _bytes.Clear();
        _body.Clear();
        BodyComplete = false;
    }

    public void Add(BufferKind kind, ReadOnlySpan<byte> bytes)
    {
        _parts.Add(new Part((int)kind, 0, _bytes.Length, bytes.Length));
        _bytes.Append(bytes);
    }

    /// <summary>Begins a part that is made of pieces (<c>Piece</c>) and ends at <see cref="Finish"/>.</summary>
    public int Begin() => _bytes.Length;

    public void Piece(ReadOnlySpan<byte> bytes) => _bytes.Append(bytes);

    public void Piece(byte value) => _bytes.Append(value);

    /// <param name="kind">What the part is.</param>
    /// <param name="begin">What <see cref="Begin"/> has returned.</param>
    public void Finish(BufferKind kind, int begin) => _parts.Add(new Part((int)kind, 0, begin, _bytes.Length - begin));

    /// <summary>The first part of this kind; empty when there is none.</summary>
    public ReadOnlySpan<byte> Find(BufferKind kind)
    {
        foreach (var part in _parts)
            if (part.Key == (int)kind) return _bytes.Slice(part.Start, part.Length);
        return default;
    }

    /// <summary>Takes the next bytes of the body, up to the limit. Returns what was taken.</summary>
    public ReadOnlySpan<byte> AddBody(ReadOnlySpan<byte> bytes)
    {
        if (BodyComplete) return default;
        var room = bodyLimit - _body.Length;
        if (bytes.Length >= room)
        {
            bytes = bytes[..room];
            BodyComplete = true;
        }

        _body.Append(bytes);
        return bytes;
    }

    public void EndBody() => BodyComplete = true;

    public int Count(int slot)
    {
        var kind = rules.Slots[slot].Kind;
        if (kind == BufferKind.HttpBody)
            return _body.Length > 0 && (BodyComplete || rules.Slots[slot].Transforms.Length == 0) ? 1 : 0;
        var count = 0;
        foreach (var part in _parts)
            if (part.Key == (int)kind) count++;
        return count;
    }

    public ReadOnlySpan<byte> Get(int slot, int instance, out bool complete)
    {
        var key = rules.Slots[slot];
        complete = key.Kind != BufferKind.HttpBody || BodyComplete;
        if (key.Transforms.Length > 0) return Transformed(slot, instance, key);
        if (key.Kind == BufferKind.HttpBody) return _body.Span;
        var part = PartAt(key.Kind, instance);
        return _bytes.Slice(part.Start, part.Length);
    }

    public void Dispose()
    {
        Clear();
        _bytes.Dispose();
        _body.Dispose();
    }

    private ReadOnlySpan<byte> Transformed(int slot, int instance, BufferKey key)
    {
        foreach (var made in _transformed)
            if (made.Key == slot && made.Instance == instance) return _bytes.Slice(made.Start, made.Length);

        var part = key.Kind == BufferKind.HttpBody ? default : PartAt(key.Kind, instance);
        var length = key.Kind == BufferKind.HttpBody ? _body.Length : part.Length;

        // Room may move the bytes, so the part is taken behind it.
        var output = _bytes.Room(Transforms.RoomFor(length, key.Transforms.Length));
        var input = key.Kind == BufferKind.HttpBody ? _body.Span : _bytes.Slice(part.Start, part.Length);
        var result = new Part(slot, instance, _bytes.Length, Transforms.Apply(key.Transforms, input, output));
        _bytes.Advance(result.Length);
        _transformed.Add(result);
        return _bytes.Slice(result.Start, result.Length);
    }

    private Part PartAt(BufferKind kind, int instance)
    {
        foreach (var part in _parts)
            if (part.Key == (int)kind && instance-- == 0) return part;
        throw new ArgumentOutOfRangeException(nameof(instance));
    }

    private readonly record struct Part(int Key, int Instance, int Start, int Length);
}
