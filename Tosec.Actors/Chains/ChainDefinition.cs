using System.Collections.Immutable;

namespace Tosec.Actors.Chains;

/// <summary>How the SVMs of a chain see a payload.</summary>
public enum ChainMode : byte
{
    /// <summary>One after the other, in the chain's order.</summary>
    Sequential = 0,
}

/// <summary>Whether the guest can still write what is being inspected.</summary>
public enum SealMode : byte
{
    /// <summary>The first trusted hop copies the payload into memory that the guest does not have.</summary>
    Copy = 0,

    /// <summary>SVMs read the guest's own buffer. Only for guests that are trusted; listings say so.</summary>
    Off = 1,
}

/// <summary>What happens to a stream whose chain cannot judge it (no SVM left, hold limit or deadline passed twice).</summary>
public enum FailurePolicy : byte
{
    /// <summary>The stream is reset.</summary>
    Block = 0,

    /// <summary>The stream goes on past the SVM that fails.</summary>
    Bypass = 1,
}

/// <summary>An ordered list of SVM types and the terms on which payloads pass them. Immutable.</summary>
public sealed record ChainDefinition
{
    /// <summary>Unique among the chains of a site.</summary>
    public required string Name { get; init; }

    /// <summary>SVM types from the guest outwards; incoming streams pass them in reverse. May be empty: nothing inspects.</summary>
    public required ImmutableArray<string> SvmTypes { get; init; }

    public ChainMode Mode { get; init; }

    public SealMode Seal { get; init; }

    public FailurePolicy OnFailure { get; init; }

    /// <summary>Most bytes of one stream that one SVM may hold back before it has to decide.</summary>
    public required long HoldLimitBytes { get; init; }

    /// <summary>Longest time that one SVM may hold a payload back before it has to decide.</summary>
    public required TimeSpan HoldDeadline { get; init; }
}
