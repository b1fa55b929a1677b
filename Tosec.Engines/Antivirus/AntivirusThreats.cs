using Tosec.Actors.Inspection;

namespace Tosec.Engines.Antivirus;

/// <summary>Makes threats. Any thread.</summary>
internal static class AntivirusThreats
{
    public static Threat Malware(string signature, string part, string name, HttpFacts? http) => new()
    {
        SignatureId = 0,
        Signature = $"malware: {signature}{(part.Length > 0 ? $" in {part}" : "")}{(name.Length > 0 && http is null ? $" ({name})" : "")}",
        Category = "malware",
        Severity = 1,
        Http = http,
    };

    /// <summary>An object that cannot be scanned as a whole.</summary>
    public static Threat Limit(string reason, HttpFacts? http) => new()
    {
        SignatureId = 0,
        Signature = "not scanned: " + reason,
        Category = "policy-violation",
        Severity = 3,
        Http = http,
    };

    /// <summary>A stream that cannot be read without doubt.</summary>
    public static Threat Protocol(string reason, HttpFacts? http) => new()
    {
        SignatureId = 0,
        Signature = reason,
        Category = "protocol-violation",
        Severity = 2,
        Http = http,
    };
}
