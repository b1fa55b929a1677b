using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Compile;

/// <summary>Which rules about payload need to know where a message begins and ends.</summary>
internal static class Anchoring
{
    /// <summary>
    /// Does any step count from the beginning, look at the end, or ask for an absence without a bound? Then only a message can
    /// answer. A message is what one side sends until the other side sends something.
    /// </summary>
    public static bool NeedsMessage(Rule rule)
    {
        if (rule.PerMessage || rule.Conditions.Length == 0) return true;
        foreach (var condition in rule.Conditions)
        {
            var isFirst = true;
            foreach (var step in condition.Steps)
            {
                // The first step's cursor is the beginning.
                if (NeedsMessage(step) || (isFirst && step.Relative)) return true;
                isFirst = false;
            }
        }

        return false;
    }

    private static bool NeedsMessage(Step step) => step switch
    {
        ContentStep content => content.StartsWith || content.EndsWith
            || content.Offset is { } offset && (offset.IsVariable || offset.Value > 0) || content.Depth is not null
            || (content.Negated && content.Within is null),
        PcreStep pcre => pcre.Negated || (pcre.Anchored && !pcre.Relative),
        SizeStep => true,
        IsDataAtStep at => at.Negated || !at.Relative,
        ByteJumpStep jump => !jump.Relative || jump.Origin != JumpOrigin.BehindNumber,
        NumberStep number => !number.Relative,
        Base64Step base64 => !base64.Relative,
        _ => false,
    };
}
