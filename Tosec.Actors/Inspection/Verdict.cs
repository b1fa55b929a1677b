namespace Tosec.Actors.Inspection;

/// <summary>What an inspector says of the bytes it was given.</summary>
public enum VerdictKind : byte
{
    /// <summary>Release everything held.</summary>
    Pass = 0,

    /// <summary>More bytes are needed before it can be said.</summary>
    Hold = 1,

    /// <summary>Release everything held, and report <see cref="Verdict.Threat"/>.</summary>
    Alert = 2,

    /// <summary>Drop everything held, end the connection, and report <see cref="Verdict.Threat"/>.</summary>
    Block = 3,

    /// <summary>Release the first <see cref="Verdict.Count"/> bytes held, report <see cref="Verdict.Threat"/> if there is one, hold the rest.</summary>
    Release = 4,

    /// <summary>Take the first <see cref="Verdict.Count"/> bytes held out of the stream, do what <see cref="Verdict.Edit"/> says, hold the rest.</summary>
    Cut = 5,

    /// <summary>The engine cannot say, for the reason in <see cref="Verdict.Reason"/>: the chain's failure policy blocks or releases.</summary>
    Undecided = 8,
}

/// <summary>What comes of bytes that are taken out of a stream whose connection goes on.</summary>
/// <param name="Threat">Why, reported as blocked; null: nothing is reported.</param>
/// <param name="Replacement">Goes on in place of what is taken out; not longer than that.</param>
/// <param name="Answer">
/// Sent back to the sender, behind everything that the other stream was given so far; at most <see cref="MaxAnswer"/> bytes. It is the
/// inspector's business that the other stream stands at a place where an answer makes sense.
/// </param>
public sealed record StreamEdit(Threat? Threat, ReadOnlyMemory<byte> Replacement, ReadOnlyMemory<byte> Answer)
{
    /// <summary>Bytes of the longest answer.</summary>
    public const int MaxAnswer = 2048;
}

/// <summary>
/// An inspector's answer. <see cref="Threat"/> is set for <c>Alert</c> and <c>Block</c>, and may be for <c>Release</c>;
/// <see cref="Edit"/> is set exactly for <c>Cut</c>.
/// </summary>
public readonly struct Verdict
{
    private Verdict(VerdictKind kind, Threat? threat, int count = 0, StreamEdit? edit = null)
    {
        Kind = kind;
        Threat = threat;
        Count = count;
        Edit = edit;
    }

    private Verdict(string reason)
    {
        Kind = VerdictKind.Undecided;
        Reason = reason;
    }

    public VerdictKind Kind { get; }

    public Threat? Threat { get; }

    /// <summary>For <c>Release</c> and <c>Cut</c>: how many of the bytes held, at least 1.</summary>
    public int Count { get; }

    public StreamEdit? Edit { get; }

    /// <summary>Why an engine cannot say, for people; set exactly for <c>Undecided</c>.</summary>
    public string? Reason { get; }

    public static Verdict Pass => default;

    public static Verdict Hold => new(VerdictKind.Hold, null);

    public static Verdict Alert(Threat threat) => new(VerdictKind.Alert, threat);

    public static Verdict Block(Threat threat) => new(VerdictKind.Block, threat);

    public static Verdict Release(int count, Threat? threat = null) => new(VerdictKind.Release, threat, count);

    public static Verdict Cut(int count, StreamEdit edit) => new(VerdictKind.Cut, null, count, edit);

    public static Verdict Undecided(string reason) => new(reason);
}
