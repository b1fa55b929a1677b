namespace Tosec.Actors.Inspection;

/// <summary>Why an inspector alerts or blocks: the <c>alert</c> object of an EVE JSON event, and what to answer.</summary>
public sealed record Threat
{
    /// <summary>Number of the rule that decided; 0 when no rule did (a protocol violation, an engine failure).</summary>
    public required long SignatureId { get; init; }

    /// <summary>Revision of that rule.</summary>
    public long Revision { get; init; } = 1;

    /// <summary>The group that the rule's number belongs to (<c>gid</c>).</summary>
    public long Group { get; init; } = 1;

    /// <summary>The rule's message, for people.</summary>
    public required string Signature { get; init; }

    /// <summary>Class of the attack, for example <c>attack-sqli</c>.</summary>
    public required string Category { get; init; }

    /// <summary>1 (most severe) to 4, as Suricata counts.</summary>
    public required int Severity { get; init; }

    /// <summary>All rules that matched, the deciding one included.</summary>
    public IReadOnlyList<long> MatchedRules { get; init; } = [];

    /// <summary>What else was found in the same bytes; reported as events of their own, with the same outcome.</summary>
    public IReadOnlyList<Threat> Others { get; init; } = [];

    /// <summary>Correlates the event with what the client was shown; empty when the client was shown nothing.</summary>
    public string Reference { get; init; } = "";

    /// <summary>The HTTP request this is about, if it is about one.</summary>
    public HttpFacts? Http { get; init; }

    /// <summary>
    /// Bytes sent to the side that sent what is blocked (an HTTP 403, for example) before its connection is closed. Empty: the
    /// connection is reset.
    /// </summary>
    public ReadOnlyMemory<byte> Answer { get; init; }
}

/// <summary>The <c>http</c> object of an EVE JSON event.</summary>
public sealed record HttpFacts(string Hostname, string Url, string Method, string Protocol, string UserAgent, int Status);
