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

    /// <summary>The engine cannot say, for the reason in <see cref="Verdict.Reason"/>: the chain's failure policy blocks or releases.</summary>
    Undecided = 8,
}

/// <summary>An inspector's answer. <see cref="Threat"/> is set exactly for <c>Alert</c> and <c>Block</c>.</summary>
public readonly struct Verdict
{
    private Verdict(VerdictKind kind, Threat? threat)
    {
        Kind = kind;
        Threat = threat;
    }

    private Verdict(string reason)
    {
        Kind = VerdictKind.Undecided;
        Reason = reason;
    }

    public VerdictKind Kind { get; }

    public Threat? Threat { get; }

    /// <summary>Why an engine cannot say, for people; set exactly for <c>Undecided</c>.</summary>
    public string? Reason { get; }

    public static Verdict Pass => default;

    public static Verdict Hold => new(VerdictKind.Hold, null);

    public static Verdict Alert(Threat threat) => new(VerdictKind.Alert, threat);

    public static Verdict Block(Threat threat) => new(VerdictKind.Block, threat);

    public static Verdict Undecided(string reason) => new(reason);
}
