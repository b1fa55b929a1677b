using Akka.Configuration;
using Tosec.Engines.Ips.Parsing;

namespace Tosec.Engines.Ips;

/// <summary>What is done with what cannot be judged.</summary>
public enum IpsChoice
{
    /// <summary>The connection ends.</summary>
    Block,

    /// <summary>It is reported, and the bytes pass.</summary>
    Pass,
}

/// <summary>Settings of the intrusion prevention system. Immutable; the keys are described in <c>hocon/reference/ips.conf</c>.</summary>
/// <param name="Rules">Paths of rule files.</param>
/// <param name="Classification">Path of a <c>classification.config</c>; null: none.</param>
/// <param name="Variables">What rules may name.</param>
/// <param name="DetectionOnly">Alert where it would block.</param>
/// <param name="Window">Bytes of each direction that are kept.</param>
/// <param name="BodyLimit">Bytes of an HTTP body that are inspected.</param>
/// <param name="StepLimit">Steps that one rule may take on one buffer.</param>
/// <param name="MatchLimit">Steps that one regular expression may take.</param>
/// <param name="OnLimit">What is done when a rule needs more.</param>
/// <param name="OnUnreadable">What is done with HTTP that cannot be read.</param>
public sealed record IpsSettings(
    IReadOnlyList<string> Rules,
    string? Classification,
    RuleVariables Variables,
    bool DetectionOnly,
    int Window,
    int BodyLimit,
    int StepLimit,
    int MatchLimit,
    IpsChoice OnLimit,
    IpsChoice OnUnreadable)
{
    /// <summary>The path of the settings in a node's configuration.</summary>
    public const string Path = "tosec.engines.ips";

    private const int LargestSize = 16 * 1024 * 1024;

    /// <summary>
    /// Reads the section <see cref="Path"/> itself (not the whole configuration). Throws <see cref="ArgumentException"/> naming the
    /// key and the value when one is missing or out of range. Reads no rules.
    /// </summary>
    public static IpsSettings From(Config config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var classification = Present(config, "classification").GetString("classification");
        return new IpsSettings(
            Rules: [.. Present(config, "rules").GetStringList("rules")],
            Classification: string.IsNullOrWhiteSpace(classification) ? null : classification,
            Variables: new RuleVariables(Named(config, "addresses"), Named(config, "ports")),
            DetectionOnly: Present(config, "detection-only").GetBoolean("detection-only"),
            Window: Bytes(config, "window", 32 * 1024),
            BodyLimit: Bytes(config, "body-limit", 0),
            StepLimit: Number(config, "step-limit", 100, 10_000_000),
            MatchLimit: Number(config, "match-limit", 100, 10_000_000),
            OnLimit: Choice(config, "on-limit"),
            OnUnreadable: Choice(config, "on-unreadable"));
    }

    private static Dictionary<string, string> Named(Config config, string section)
    {
        var variables = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in Present(config, section).GetConfig(section).Root.GetObject().Items)
        {
            if (!name.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
                throw Wrong($"{section}.{name}", "is no name of a variable");
            variables[name] = value.GetString() is { Length: > 0 } text ? text : throw Wrong($"{section}.{name}", "empty");
        }

        return variables;
    }

    private static Config Present(Config config, string key) =>
        config.HasPath(key) ? config : throw Wrong(key, "missing");

    private static int Number(Config config, string key, int least, int most)
    {
        var number = Present(config, key).GetInt(key);
        return number >= least && number <= most ? number : throw Wrong(key, $"{number} is not in {least} to {most}");
    }

    private static int Bytes(Config config, string key, int least)
    {
        var bytes = Present(config, key).GetByteSize(key);
        return bytes >= least && bytes <= LargestSize
            ? (int)bytes.Value : throw Wrong(key, $"{bytes} is not in {least} to {LargestSize} bytes");
    }

    private static IpsChoice Choice(Config config, string key) => Present(config, key).GetString(key) switch
    {
        "block" => IpsChoice.Block,
        "pass" => IpsChoice.Pass,
        var other => throw Wrong(key, $"\"{other}\" is neither block nor pass"),
    };

    private static ArgumentException Wrong(string key, string what) => new($"{Path}.{key}: {what}");
}
