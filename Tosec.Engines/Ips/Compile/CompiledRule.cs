using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Compile;

/// <summary>What a rule asks of one buffer of its set.</summary>
/// <param name="Slot">Index among the set's buffers.</param>
/// <param name="Steps">In order.</param>
internal readonly record struct SlotCondition(int Slot, Step[] Steps);

/// <summary>A rule in its place in a set. Immutable; any thread.</summary>
internal sealed class CompiledRule(int index, Rule rule, SlotCondition[] conditions, bool perMessage)
{
    /// <summary>Its place: rules are asked in this order.</summary>
    public int Index { get; } = index;

    public Rule Rule { get; } = rule;

    public SlotCondition[] Conditions { get; } = conditions;

    /// <summary>
    /// Of the payload: it is asked of one message at a time, because it says something of a beginning or an end, or of what is
    /// absent. All others are asked of the stream.
    /// </summary>
    public bool PerMessage { get; } = perMessage;

    /// <summary>It looks into a body, so it may become true while that grows.</summary>
    public bool NeedsBody { get; } = rule.Conditions.Any(condition => condition.Buffer.Kind == BufferKind.HttpBody);

    /// <summary>It looks at the bytes of the stream, not at a protocol's parts.</summary>
    public bool OfPayload { get; } = rule.Conditions.All(condition => condition.Buffer.Kind == BufferKind.Payload);
}
