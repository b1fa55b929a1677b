using System.Security.Cryptography;
using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Engines.Waf.Rules;

namespace Tosec.Engines.Waf;

/// <summary>Makes threats, and the page that a blocked client is shown. Any thread.</summary>
internal static class WafThreats
{
    private const long FirstEvaluation = 949000;
    private const long LastRequestEvaluation = 949999;
    private const long FirstOutboundEvaluation = 959000;
    private const long LastOutboundEvaluation = 959999;

    /// <summary>A threat that rules found. Of those that matched and name an attack, the most severe speaks for all.</summary>
    public static Threat OfRules(RuleSet rules, IReadOnlyList<long> matches, HttpFacts http, bool answer)
    {
        var telling = Telling(rules, matches);
        var facts = rules[telling];
        return Complete(new Threat
        {
            SignatureId = telling,
            Signature = facts.Message.Length > 0 ? facts.Message : "Denied by rule",
            Category = facts.Category.Length > 0 ? facts.Category : "policy-violation",
            Severity = facts.Severity,
            MatchedRules = [.. matches],
            Http = http,
        }, answer);
    }

    /// <summary>A threat that no rule found: the stream is not the HTTP that could be inspected.</summary>
    public static Threat OfProtocol(string reason, HttpFacts? http, bool answer) => Complete(new Threat
    {
        SignatureId = 0,
        Signature = "HTTP: " + reason,
        Category = "protocol-violation",
        Severity = 2,
        Http = http,
    }, answer);

    private static Threat Complete(Threat threat, bool answer)
    {
        if (!answer) return threat;
        var reference = RandomNumberGenerator.GetHexString(20, lowercase: true);
        return threat with { Reference = reference, Answer = Page(reference, threat.Http?.Method == "HEAD") };
    }

    private static long Telling(RuleSet rules, IReadOnlyList<long> matches)
    {
        long telling = 0;
        foreach (var id in matches)
        {
            if (id is >= FirstEvaluation and <= LastRequestEvaluation or >= FirstOutboundEvaluation and <= LastOutboundEvaluation)
                continue;
            if (telling == 0 || Rank(rules[id]) < Rank(rules[telling])) telling = id;
        }

        return telling != 0 ? telling : matches.Count > 0 ? matches[^1] : 0;
    }

    private static int Rank(RuleFacts rule) => (rule.Category.Length > 0 ? 0 : 100) + rule.Severity;

    private static byte[] Page(string reference, bool head)
    {
        var body = $"""
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><title>Request blocked</title></head>
            <body><h1>Request blocked</h1>
            <p>This request was not let through. If you think it should have been, tell the site's administrator this
            reference: <code>{reference}</code></p></body></html>

            """;
        var page = $"HTTP/1.1 403 Forbidden\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {body.Length}\r\n"
            + "Cache-Control: no-store\r\nConnection: close\r\n\r\n";
        return Encoding.ASCII.GetBytes(head ? page : page + body);
    }
}
