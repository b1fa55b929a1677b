using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus.Objects;

namespace Tosec.Engines.Antivirus.Readers;

/// <summary>Whose bytes.</summary>
internal enum Sender : byte
{
    /// <summary>The side that connected.</summary>
    Client = 0,

    /// <summary>The side that accepted.</summary>
    Server = 1,
}

/// <summary>Finds the objects in both streams of a connection. One thread at a time.</summary>
internal interface IObjectReader : IDisposable
{
    /// <summary>Reads the next bytes (at least one) of a stream.</summary>
    void Feed(Sender sender, ReadOnlySpan<byte> bytes);

    /// <summary>A stream has ended.</summary>
    void End(Sender sender);

    /// <summary>The last bytes of a stream cannot be let go yet, although they are in no object.</summary>
    bool Holds(Sender sender);

    /// <summary>An object has begun of which no byte has come: what there is of the stream may go, so that its receiver can ask for it.</summary>
    bool IsBeforeObject(Sender sender) => false;

    /// <summary>What the sender of a blocked object is told, in its protocol; empty where nothing can be said now.</summary>
    byte[] Answer(Sender sender, string reference);
}

/// <summary>Takes what a reader finds. A sender's objects come one after the other.</summary>
internal interface IObjectSink
{
    /// <summary>An object begins; what is not scanned completely in time is not let go.</summary>
    ScanObject Begin(Sender sender, ObjectKind kind, string name, string contentType = "", HttpFacts? http = null);

    void Append(Sender sender, ScanObject item, ReadOnlySpan<byte> bytes);

    /// <summary>The object is complete, and is scanned.</summary>
    void Complete(Sender sender, ScanObject item);

    /// <summary>The stream is not what can be read without doubt: it is blocked.</summary>
    void Violation(Sender sender, string reason, HttpFacts? http = null);

    /// <summary>Nothing more can be read, and the settings let it pass: from here on both streams do.</summary>
    void Opaque(string reason);
}
