using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>Makes a <see cref="Rule"/> of a rule's text, completely or not at all. One thread.</summary>
internal sealed class RuleParser(RuleContext context)
{
    private const int DefaultPriority = 3;

    /// <summary>The rule, or why it is not one.</summary>
    public (Rule? Rule, RuleProblem? Problem) Parse(string file, int line, string text)
    {
        var builder = new RuleBuilder(context);
        List<RuleOption> options = [];
        try
        {
            (var header, options) = RuleText.Split(text);
            var (action, target) = context.Header.Parse(header);
            foreach (var option in options) Keywords.Apply(builder, option);
            return (Finish(builder, action, target, file, line), null);
        }
        catch (RuleException refusal)
        {
            return (null, new RuleProblem(file, line, SidOf(builder, options), refusal.Keyword, refusal.Message));
        }
    }

    // What was refused may stand before the number.
    private static long SidOf(RuleBuilder builder, List<RuleOption> options)
    {
        if (builder.Sid != 0) return builder.Sid;
        foreach (var option in options)
            if (option.Keyword == "sid" && uint.TryParse(option.Value, out var sid)) return sid;
        return 0;
    }

    private static Rule Finish(RuleBuilder builder, RuleAction action, RuleHeader header, string file, int line)
    {
        if (builder.Sid == 0) throw new RuleException("sid", "missing");
        var conditions = Conditions(builder);
        var protocol = ProtocolOf(conditions, header.Protocol);
        var known = builder.Class is { } name
            ? builder.Context.Classes.GetValueOrDefault(name) ?? new RuleClass(name, DefaultPriority) : null;
        return new Rule
        {
            Info = new RuleInfo(
                file, line, builder.Sid, builder.Gid, builder.Revision, builder.Message, known?.Description ?? "",
                builder.Priority ?? known?.Priority ?? DefaultPriority),
            Action = action,
            Header = header with { Protocol = protocol },
            Sides = builder.Sides,
            Conditions = conditions,
            FlowBits = [.. builder.FlowBits],
            Threshold = builder.Threshold,
            DetectionFilter = builder.DetectionFilter,
            Silent = builder.Silent,
            PerMessage = builder.PerMessage,
            Variables = builder.Variables,
        };
    }

    private static Condition[] Conditions(RuleBuilder builder)
    {
        var conditions = new List<(BufferKey Key, List<Step> Steps)>();
        foreach (var section in builder.Sections)
        {
            foreach (var step in section.Steps) Check(step);
            if (section.Steps.Count == 0)
            {
                // A buffer that nothing is asked of is a rule that its writer has not finished.
                if (section.Kind != BufferKind.Payload) throw new RuleException("buffer", "nothing is asked of it");
                continue;
            }

            var key = new BufferKey(section.Kind, [.. section.Transforms]);
            var same = section.Kind.IsMultiple() ? -1 : conditions.FindIndex(condition => condition.Key.Equals(key));
            if (same >= 0) conditions[same].Steps.AddRange(section.Steps);
            else conditions.Add((key, section.Steps));
        }

        return [.. conditions.Select(condition => new Condition(condition.Key, [.. condition.Steps]))];
    }

    private static void Check(Step step)
    {
        if (step is ContentStep content) ContentKeywords.Check(content);
        if (step is not Base64Step base64) return;
        if (base64.Inner.Count == 0) throw new RuleException("base64_decode", "nothing is asked of what it decodes");
        foreach (var inner in base64.Inner)
        {
            Check(inner);
            if (inner is ContentStep { FastPattern: not null })
                throw new RuleException("fast_pattern", "inside base64_data");
        }
    }

    private static AppProtocol ProtocolOf(Condition[] conditions, AppProtocol protocol)
    {
        var stated = protocol;
        foreach (var condition in conditions)
        {
            var needed = condition.Buffer.Kind.Protocol();
            if (needed == AppProtocol.Unknown) continue;
            if (stated != AppProtocol.Unknown && stated != needed)
                throw new RuleException("protocol", $"a buffer of {needed} in a rule about {stated}");
            stated = needed;
        }

        if (conditions.Any(condition => condition.Buffer.Kind == BufferKind.Payload)
            && conditions.Any(condition => condition.Buffer.Kind != BufferKind.Payload))
        {
            throw new RuleException("content", "the payload beside a protocol's buffers in one rule is not supported");
        }

        return stated;
    }
}
