using Tosec.Engines.Ips.Model;
using Tosec.Engines.Ips.State;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>What remembers: <c>flowbits</c>, <c>threshold</c>, <c>detection_filter</c>, <c>dataset</c>.</summary>
internal static class StateKeywords
{
    public static void AddTo(Dictionary<string, KeywordHandler> handlers)
    {
        handlers["flowbits"] = FlowBits;
        handlers["threshold"] = (rule, keyword, value) => rule.Threshold = Threshold(keyword, value, isFilter: false);
        handlers["detection_filter"] = (rule, keyword, value) => rule.DetectionFilter = Threshold(keyword, value, isFilter: true);
        handlers["dataset"] = Dataset;
    }

    private static void FlowBits(RuleBuilder rule, string keyword, string? value)
    {
        var parts = Values.List(keyword, value);
        if (parts is ["noalert"])
        {
            rule.Silent = true;
            return;
        }

        if (parts.Length != 2) throw new RuleException(keyword, "needs a command and a name");
        var kind = parts[0] switch
        {
            "set" => FlowBitKind.Set,
            "unset" => FlowBitKind.Unset,
            "toggle" => FlowBitKind.Toggle,
            "isset" => FlowBitKind.IsSet,
            "isnotset" => FlowBitKind.IsNotSet,
            var other => throw new RuleException(keyword, $"\"{other}\" is unknown"),
        };
        var names = parts[1].Split('|', StringSplitOptions.TrimEntries);
        if (names.Length > 1 && kind is not (FlowBitKind.IsSet or FlowBitKind.IsNotSet))
            throw new RuleException(keyword, "several names to change");
        if (names.Any(name => name.Length == 0)) throw new RuleException(keyword, "an empty name");
        rule.FlowBits.Add(new FlowBitOperation(kind, [.. names.Select(rule.Context.FlowBit)]));
    }

    private static ThresholdSpec Threshold(string keyword, string? value, bool isFilter)
    {
        ThresholdKind? kind = isFilter ? ThresholdKind.Beyond : null;
        ThresholdTrack? track = null;
        int? count = null;
        int? seconds = null;
        foreach (var part in Values.List(keyword, value))
        {
            switch (part.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            {
                case ["type", var word] when !isFilter:
                    kind = word switch
                    {
                        "limit" => ThresholdKind.Limit,
                        "threshold" => ThresholdKind.Threshold,
                        "both" => ThresholdKind.Both,
                        _ => throw new RuleException(keyword, $"type {word} is not supported"),
                    };
                    break;
                case ["track", var word]:
                    track = word switch
                    {
                        "by_src" => ThresholdTrack.Source,
                        "by_dst" => ThresholdTrack.Target,
                        "by_both" => ThresholdTrack.Pair,
                        "by_rule" => ThresholdTrack.Rule,
                        "by_flow" => ThresholdTrack.Flow,
                        _ => throw new RuleException(keyword, $"track {word} is not supported"),
                    };
                    break;
                case ["count", var number]:
                    count = (int)Values.Number(keyword, number, 1, int.MaxValue);
                    break;
                case ["seconds", var number]:
                    seconds = (int)Values.Number(keyword, number, 1, int.MaxValue);
                    break;
                default:
                    throw new RuleException(keyword, $"\"{part}\" is unknown");
            }
        }

        return kind is { } k && track is { } t && count is { } c && seconds is { } s
            ? new ThresholdSpec(k, t, c, s) : throw new RuleException(keyword, "needs type, track, count and seconds");
    }

    private static void Dataset(RuleBuilder rule, string keyword, string? value)
    {
        var parts = Values.List(keyword, value);
        if (parts.Length < 2) throw new RuleException(keyword, "needs a command and a name");
        if (rule.Selected == BufferKind.Payload) throw new RuleException(keyword, "no buffer before it");
        var operation = parts[0] switch
        {
            "isset" => DatasetOperation.IsSet,
            "isnotset" => DatasetOperation.IsNotSet,
            "set" => DatasetOperation.Set,
            "unset" => DatasetOperation.Unset,
            var other => throw new RuleException(keyword, $"\"{other}\" is unknown"),
        };
        DatasetType? type = null;
        string? load = null;
        foreach (var part in parts.AsSpan(2))
        {
            switch (part.Split(' ', 2, StringSplitOptions.TrimEntries))
            {
                case ["type", var word]:
                    type = word switch
                    {
                        "string" => DatasetType.String,
                        "md5" => DatasetType.Md5,
                        "sha256" => DatasetType.Sha256,
                        _ => throw new RuleException(keyword, $"type {word} is not supported"),
                    };
                    break;
                case ["load", var file]:
                    load = file;
                    break;

                // Room is reserved by one bound for all sets.
                case ["memcap" or "hashsize", _]:
                    break;
                default:
                    throw new RuleException(keyword, $"\"{part}\" is not supported");
            }
        }

        rule.Add(new DatasetStep(rule.Context.Dataset(parts[1], type, load), operation));
    }
}
