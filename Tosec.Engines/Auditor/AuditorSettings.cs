using System.Globalization;
using Akka.Configuration;
using Akka.Configuration.Hocon;
using Tosec.Engines.Auditor.Policy;

namespace Tosec.Engines.Auditor;

/// <summary>Protocols that the auditor reads.</summary>
public enum DatabaseProtocol
{
    None,
    PostgreSql,
    MySql,
    Redis,
}

/// <summary>The settings of the auditor; meanings, defaults and extremes are in <c>hocon/reference/auditor.conf</c>.</summary>
/// <param name="Ports">Protocols by the server's port.</param>
/// <param name="OtherPorts">Of all other ports; <see cref="DatabaseProtocol.None"/>: they are blocked.</param>
/// <param name="PassEncrypted">Connections that become TLS pass uninspected.</param>
/// <param name="PlainParameters">Parameters and literals are recorded as they are.</param>
/// <param name="Rules">Asked in order.</param>
/// <param name="Unknown">For statements of class unknown that no rule matches.</param>
/// <param name="Otherwise">For all others.</param>
/// <param name="MessageLimit">Bytes of a client's longest message.</param>
/// <param name="PreparedLimit">Prepared statements and portals of a connection.</param>
/// <param name="PendingLimit">Statements of a connection whose answers are awaited.</param>
public sealed record AuditorSettings(
    IReadOnlyDictionary<int, DatabaseProtocol> Ports,
    DatabaseProtocol OtherPorts,
    bool PassEncrypted,
    bool PlainParameters,
    IReadOnlyList<AuditRule> Rules,
    AuditAction Unknown,
    AuditAction Otherwise,
    int MessageLimit,
    int PreparedLimit,
    int PendingLimit)
{
    /// <summary>The path of the settings in a node's configuration.</summary>
    public const string Path = "tosec.engines.auditor";

    /// <summary>
    /// Reads the section <see cref="Path"/> itself (not the whole configuration). Throws <see cref="ArgumentException"/> naming the
    /// key and the value when one is missing, unknown or out of range.
    /// </summary>
    public static AuditorSettings From(Config config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var ports = new Dictionary<int, DatabaseProtocol>();
        foreach (var (key, protocol) in new[]
        {
            ("postgresql-ports", DatabaseProtocol.PostgreSql), ("mysql-ports", DatabaseProtocol.MySql), ("redis-ports", DatabaseProtocol.Redis),
        })
        {
            foreach (var text in Present(config, key).GetStringList(key))
            {
                if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) || port is < 1 or > 65535)
                    throw Wrong(key, $"\"{text}\" is not a port");
                if (!ports.TryAdd(port, protocol))
                    throw Wrong(key, $"port {port} has a protocol already");
            }
        }

        return new AuditorSettings(
            ports,
            Choice(config, "other-ports", ("block", DatabaseProtocol.None), ("postgresql", DatabaseProtocol.PostgreSql), ("mysql", DatabaseProtocol.MySql), ("redis", DatabaseProtocol.Redis)),
            Choice(config, "encryption", ("refuse", false), ("pass", true)),
            Choice(config, "parameters", ("masked", false), ("plain", true)),
            ReadRules(Present(config, "rules").GetValue("rules")),
            Choice(config, "unknown", AuditRuleReader.Actions),
            Choice(config, "otherwise", AuditRuleReader.Actions),
            MessageBytes(config, "message-limit"),
            Number(config, "prepared-limit", 1, 100_000),
            Number(config, "pending-limit", 1, 100_000));
    }

    private static IReadOnlyList<AuditRule> ReadRules(HoconValue value)
    {
        if (!value.Values.Any(static element => element is HoconArray))
            throw Wrong("rules", "not a list");
        var rules = new List<AuditRule>();
        foreach (var element in value.GetArray())
        {
            var key = $"rules[{rules.Count + 1}]";
            if (element.GetObject() is not { } rule)
                throw Wrong(key, "not { … }");
            rules.Add(AuditRuleReader.Read(rules.Count + 1, rule, what => Wrong(key, what)));
        }

        return rules;
    }

    private static Config Present(Config config, string key) => config.HasPath(key) ? config : throw Wrong(key, "missing");

    private static T Choice<T>(Config config, string key, params (string Word, T Value)[] choices)
    {
        var text = Present(config, key).GetString(key);
        foreach (var (word, value) in choices)
            if (word == text) return value;
        throw Wrong(key, $"\"{text}\" is none of {string.Join(", ", choices.Select(c => c.Word))}");
    }

    private static int Number(Config config, string key, int least, int most)
    {
        var number = Present(config, key).GetInt(key);
        return number >= least && number <= most ? number : throw Wrong(key, $"{number} is not in {least} to {most}");
    }

    private static int MessageBytes(Config config, string key)
    {
        const int Least = 1024;
        const int Most = 16 * 1024 * 1024;
        var bytes = Present(config, key).GetByteSize(key);
        return bytes is >= Least and <= Most ? (int)bytes.Value : throw Wrong(key, $"{bytes} is not in {Least} to {Most} bytes");
    }

    private static ArgumentException Wrong(string key, string what) => new($"{Path}.{key}: {what}");
}
