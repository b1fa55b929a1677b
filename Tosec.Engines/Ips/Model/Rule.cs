using Tosec.Engines.Ips.State;

namespace Tosec.Engines.Ips.Model;

/// <summary>What a rule asks of one buffer. Immutable once its rule is read.</summary>
internal sealed record Condition(BufferKey Buffer, Step[] Steps);

/// <summary>One rule as it was read and understood completely. Immutable.</summary>
internal sealed record Rule
{
    public required RuleInfo Info { get; init; }

    public required RuleAction Action { get; init; }

    public required RuleHeader Header { get; init; }

    /// <summary>Whose bytes it looks at.</summary>
    public required Sides Sides { get; init; }

    /// <summary>All must be so. Empty: the header alone decides.</summary>
    public required Condition[] Conditions { get; init; }

    public required FlowBitOperation[] FlowBits { get; init; }

    public required ThresholdSpec? Threshold { get; init; }

    public required ThresholdSpec? DetectionFilter { get; init; }

    /// <summary>Matches are not reported (<c>noalert</c>).</summary>
    public required bool Silent { get; init; }

    /// <summary>Is asked of one message at a time, whatever it asks.</summary>
    public required bool PerMessage { get; init; }

    /// <summary>How many variables its steps have.</summary>
    public required int Variables { get; init; }

    public bool ReadsFlowBits => FlowBits.Any(bit => bit.Kind is FlowBitKind.IsSet or FlowBitKind.IsNotSet);

    public bool WritesFlowBits => FlowBits.Any(bit => bit.Kind is not (FlowBitKind.IsSet or FlowBitKind.IsNotSet));
}
