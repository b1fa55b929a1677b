using Tosec.Engines.Antivirus.Objects;

namespace Tosec.Engines.Antivirus.Readers;

/// <summary>Each stream is one object, from its first byte to its end: FTP data, or a protocol that nobody knows.</summary>
internal sealed class RawReader(IObjectSink sink) : IObjectReader
{
    private readonly ScanObject?[] _objects = new ScanObject?[2];

    public void Feed(Sender sender, ReadOnlySpan<byte> bytes) =>
        sink.Append(sender, _objects[(int)sender] ??= sink.Begin(sender, ObjectKind.Plain, ""), bytes);

    public void End(Sender sender)
    {
        if (_objects[(int)sender] is { } item) sink.Complete(sender, item);
    }

    public bool Holds(Sender sender) => false;

    public byte[] Answer(Sender sender, string reference) => [];

    public void Dispose()
    {
    }
}
