using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus.Clamd;

namespace Tosec.Engines.Antivirus.Objects;

/// <summary>What an object is made of.</summary>
internal enum ObjectKind : byte
{
    /// <summary>Just bytes.</summary>
    Plain,

    /// <summary>The content of a MIME entity whose <c>Content-Type</c> is known: a multipart body.</summary>
    Entity,

    /// <summary>A mail with its header.</summary>
    Mail,

    /// <summary>A mail, or a part of one, encoded as it was in the mail.</summary>
    MailPart,
}

/// <summary>What a body of HTTP was compressed by.</summary>
internal enum ContentCoding : byte
{
    None,
    Gzip,
    Deflate,
    Brotli,

    /// <summary>Or by several: it is scanned as it is.</summary>
    Unknown,
}

/// <summary>Why an object is collected no further.</summary>
internal enum CollectStatus : byte
{
    Collected,
    TooLarge,
    NoMemory,
}

/// <summary>The end of a scan.</summary>
/// <param name="Reply">What clamd says of the object, or of the first part that it finds something in.</param>
/// <param name="Part">Name of that part; empty: the object as a whole.</param>
/// <param name="Length">Bytes of the object, decoded.</param>
/// <param name="Sha256">Of these bytes; empty when it is not known.</param>
internal sealed record ScanVerdict(ClamdReply Reply, string Part, long Length, string Sha256);

/// <summary>
/// An object from its first byte to its verdict. The inspector collects it on the worker's thread and owns its memory until it is
/// submitted; from then on its scanning thread does, which frees it when the verdict is there.
/// </summary>
internal sealed class ScanObject(MemoryBudget budget, int limit, ObjectKind kind, string name, string contentType, HttpFacts? http)
{
    private MemoryFile? _file;
    private long _charged;
    private volatile bool _abandoned;
    private volatile ScanVerdict? _verdict;

    public ObjectKind Kind { get; } = kind;

    /// <summary>What it was sent as, for people.</summary>
    public string Name { get; } = name;

    /// <summary>For <see cref="ObjectKind.Entity"/>.</summary>
    public string ContentType { get; } = contentType;

    public HttpFacts? Http { get; } = http;

    public ContentCoding Coding { get; set; }

    /// <summary>Bytes so far, as they were sent.</summary>
    public long Length { get; private set; }

    /// <summary>Nobody collects or waits any more.</summary>
    public bool IsAbandoned => _abandoned;

    /// <summary>Null until the scan has ended. Any thread.</summary>
    public ScanVerdict? Verdict => _verdict;

    /// <summary>Called on the scanning thread when the verdict is there; set before the object is submitted.</summary>
    public IInspectionWaker? Waker { get; set; }

    /// <summary>The bytes; for the scanning thread.</summary>
    public MemoryFile File => _file!;

    /// <summary>Adds bytes. If they are too many, the object is abandoned.</summary>
    public CollectStatus Append(ReadOnlySpan<byte> bytes)
    {
        if (_abandoned || bytes.IsEmpty) return CollectStatus.Collected;
        if (Length + bytes.Length > limit)
        {
            Abandon();
            return CollectStatus.TooLarge;
        }

        if (!budget.TryTake(bytes.Length))
        {
            Abandon();
            return CollectStatus.NoMemory;
        }

        _charged += bytes.Length;
        Length += bytes.Length;
        (_file ??= new MemoryFile()).Append(bytes);
        return CollectStatus.Collected;
    }

    /// <summary>Frees what was collected; of an object that was submitted, only asks for that.</summary>
    public void Abandon()
    {
        _abandoned = true;
        if (Waker is null) Free();
    }

    /// <summary>No thread took it: it is the inspector's again, and of no use.</summary>
    public void Reclaim()
    {
        Waker = null;
        Abandon();
    }

    /// <summary>The scan is over; scanning thread.</summary>
    public void Finish(ScanVerdict verdict)
    {
        Free();
        _verdict = verdict;
        Waker!.Wake();
    }

    private void Free()
    {
        budget.GiveBack(_charged);
        _charged = 0;
        _file?.Dispose();
        _file = null;
    }
}
