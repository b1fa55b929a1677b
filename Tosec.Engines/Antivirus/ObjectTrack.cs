using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus.Objects;

namespace Tosec.Engines.Antivirus;

/// <summary>The objects of one stream: at most one is being collected, others wait for their verdict. Worker's thread.</summary>
internal sealed class ObjectTrack(StreamDirection direction)
{
    public StreamDirection Direction { get; } = direction;

    /// <summary>Being collected.</summary>
    public ScanObject? Open { get; set; }

    /// <summary>Their verdict holds the stream.</summary>
    public Queue<ScanObject> Waiting { get; } = new();

    /// <summary>Were let go without a verdict, which may still come.</summary>
    public List<ScanObject> Late { get; } = [];

    /// <summary>Why the engine cannot say; null when it can.</summary>
    public string? Failure { get; set; }

    /// <summary>To be reported with what is let go.</summary>
    public Threat? Alert { get; set; }

    /// <summary>Nobody waits any more.</summary>
    public void Abandon()
    {
        Open?.Abandon();
        Open = null;
        foreach (var item in Waiting) item.Abandon();
        foreach (var item in Late) item.Abandon();
        Waiting.Clear();
        Late.Clear();
    }

    /// <summary>What waits is waited for no longer.</summary>
    public void LetGo()
    {
        Late.AddRange(Waiting);
        Waiting.Clear();
    }
}
