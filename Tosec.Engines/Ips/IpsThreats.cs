using Tosec.Actors.Inspection;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips;

/// <summary>Makes threats. Any thread.</summary>
internal static class IpsThreats
{
    public static Threat OfRule(Rule rule, HttpFacts? http) => new()
    {
        SignatureId = rule.Info.Sid,
        Revision = rule.Info.Revision,
        Group = rule.Info.Gid,
        Signature = rule.Info.Message,
        Category = rule.Info.Category,
        Severity = rule.Info.Priority,
        MatchedRules = [rule.Info.Sid],
        Http = http,
    };

    /// <summary>What no rule has found.</summary>
    public static Threat OfEngine(string signature, string category, HttpFacts? http) => new()
    {
        SignatureId = 0,
        Signature = signature,
        Category = category,
        Severity = 2,
        Http = http,
    };
}
