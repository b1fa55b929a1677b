using Akka.Configuration;

namespace Tosec.Engines.Waf;

/// <summary>What is done where a setting leaves the choice.</summary>
public enum WafChoice
{
    Block = 0,
    Pass = 1,
}

/// <summary>
/// The settings of the web application firewall; meanings, defaults and extremes are in <c>hocon/reference/waf.conf</c>.
/// </summary>
/// <param name="RulesFolder">Folder of the rule files (<c>*.conf</c>, read in the order of their names) and their data.</param>
/// <param name="SetupFile">The rules' set-up file, read before them.</param>
/// <param name="ParanoiaLevel">1 to 4.</param>
/// <param name="DetectionOnly">Alert where it would block; nothing is held then.</param>
/// <param name="AllowedMethods">Methods that the rules let pass.</param>
/// <param name="MatchLimit">Steps that one regular expression may take.</param>
/// <param name="ArgumentsLimit">Arguments that a request may have.</param>
/// <param name="RequestBodyLimit">Bytes of a request's body that are inspected.</param>
/// <param name="OnBodyLimit">What happens to a longer body that is not multipart.</param>
/// <param name="ResponseBodyLimit">Bytes of a response's body that are inspected.</param>
/// <param name="ResponseBodyTypes">Media types of the responses whose bodies are inspected, in lower case.</param>
/// <param name="Upgrade">What happens to a connection that becomes something else than HTTP (WebSocket).</param>
/// <param name="LineLimit">Bytes of the longest line of a head.</param>
/// <param name="HeadLimit">Bytes of a request's line and fields together.</param>
/// <param name="FieldsLimit">Fields of a message, 1 to 256.</param>
/// <param name="PendingLimit">Requests of one connection that may wait for their responses.</param>
public sealed record WafSettings(
    string RulesFolder,
    string SetupFile,
    int ParanoiaLevel,
    bool DetectionOnly,
    IReadOnlyList<string> AllowedMethods,
    int MatchLimit,
    int ArgumentsLimit,
    int RequestBodyLimit,
    WafChoice OnBodyLimit,
    int ResponseBodyLimit,
    IReadOnlyList<string> ResponseBodyTypes,
    WafChoice Upgrade,
    int LineLimit,
    int HeadLimit,
    int FieldsLimit,
    int PendingLimit)
{
    /// <summary>The path of the settings in a node's configuration.</summary>
    public const string Path = "tosec.engines.waf";

    /// <summary>
    /// Reads the section <see cref="Path"/> itself (not the whole configuration). Throws <see cref="ArgumentException"/> naming the
    /// key and the value when one is missing or out of range.
    /// </summary>
    public static WafSettings From(Config config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return new WafSettings(
            RulesFolder: Text(config, "rules"),
            SetupFile: Text(config, "setup"),
            ParanoiaLevel: Number(config, "paranoia-level", 1, 4),
            DetectionOnly: Present(config, "detection-only").GetBoolean("detection-only"),
            AllowedMethods: Tokens(config, "allowed-methods"),
            MatchLimit: Number(config, "match-limit", 100, 10_000_000),
            ArgumentsLimit: Number(config, "arguments-limit", 1, 100_000),
            RequestBodyLimit: Bytes(config, "request-body-limit", 0),
            OnBodyLimit: Choice(config, "on-body-limit"),
            ResponseBodyLimit: Bytes(config, "response-body-limit", 0),
            ResponseBodyTypes: Tokens(config, "response-body-types"),
            Upgrade: Choice(config, "upgrade"),
            LineLimit: Bytes(config, "line-limit", 256),
            HeadLimit: Bytes(config, "head-limit", 256),
            FieldsLimit: Number(config, "fields-limit", 1, 256),
            PendingLimit: Number(config, "pending-limit", 1, 10_000));
    }

    private static Config Present(Config config, string key) =>
        config.HasPath(key) ? config : throw Wrong(key, "missing");

    private static string Text(Config config, string key)
    {
        var text = Present(config, key).GetString(key);
        return string.IsNullOrWhiteSpace(text) ? throw Wrong(key, "empty") : text;
    }

    private static int Number(Config config, string key, int least, int most)
    {
        var number = Present(config, key).GetInt(key);
        return number >= least && number <= most ? number : throw Wrong(key, $"{number} is not in {least} to {most}");
    }

    private static int Bytes(Config config, string key, int least)
    {
        const int Most = 64 * 1024 * 1024;
        var bytes = Present(config, key).GetByteSize(key);
        return bytes >= least && bytes <= Most ? (int)bytes.Value : throw Wrong(key, $"{bytes} is not in {least} to {Most} bytes");
    }

    private static WafChoice Choice(Config config, string key) => Text(config, key) switch
    {
        "block" => WafChoice.Block,
        "pass" => WafChoice.Pass,
        var other => throw Wrong(key, $"\"{other}\" is neither block nor pass"),
    };

    // These words are written into a rule file: nothing that could end a quoted string may be among them.
    private static IReadOnlyList<string> Tokens(Config config, string key)
    {
        var tokens = Present(config, key).GetStringList(key);
        foreach (var token in tokens)
            if (token.Length == 0 || !token.All(c => char.IsAsciiLetterOrDigit(c) || "/.+-_*".Contains(c)))
                throw Wrong(key, $"\"{token}\" is not a plain word");

        return [.. tokens];
    }

    private static ArgumentException Wrong(string key, string what) => new($"{Path}.{key}: {what}");
}
