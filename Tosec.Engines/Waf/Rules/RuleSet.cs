using System.Security.Cryptography;
using System.Text;
using Tosec.Engines.ModSecurity;

namespace Tosec.Engines.Waf.Rules;

/// <summary>
/// The rules in force: read once from the settings' folders, rewritten on the way, shared read-only by all transactions. The
/// engine owns it; transactions that are still open keep the native rules alive.
/// </summary>
internal sealed class RuleSet : IDisposable
{
    private static readonly RuleFacts _unknown = new("", "", 3);

    private readonly RuleSetHandle _handle;
    private readonly byte[] _logAnchor;
    private readonly Dictionary<long, RuleFacts> _facts;

    private RuleSet(
        RuleSetHandle handle, int count, byte[] logAnchor, byte[] truncated, Dictionary<long, RuleFacts> facts,
        (int Limited, int Unlimited, int Negated) expressions)
    {
        _handle = handle;
        _logAnchor = logAnchor;
        _facts = facts;
        Count = count;
        TruncatedField = truncated;
        Expressions = expressions;
    }

    /// <summary>Rules loaded.</summary>
    public int Count { get; }

    /// <summary>Regular expressions in the files as they were loaded.</summary>
    public (int Limited, int Unlimited, int Negated) Expressions { get; }

    /// <summary>
    /// Name of the request field that tells the rules that a body was cut off at the limit. It has a random part, so that no
    /// client can send it.
    /// </summary>
    public byte[] TruncatedField { get; }

    /// <summary>
    /// Reads the rules. Throws <see cref="FileNotFoundException"/>, <see cref="DirectoryNotFoundException"/> or
    /// <see cref="InvalidDataException"/> (the library's text) when it cannot. Blocks while reading.
    /// </summary>
    public static RuleSet Load(WafSettings settings)
    {
        var sources = Sources(settings);
        var truncated = "X-Truncated-" + RandomNumberGenerator.GetHexString(24, lowercase: true);
        var folder = Directory.CreateTempSubdirectory("tosec-waf-");
        try
        {
            // Data files are named relative to the rule file that uses them.
            foreach (var data in Directory.EnumerateFiles(settings.RulesFolder, "*.data"))
                File.Copy(data, Path.Combine(folder.FullName, Path.GetFileName(data)));

            var facts = new Dictionary<long, RuleFacts>();
            var expressions = (Limited: 0, Unlimited: 0, Negated: 0);
            var files = new List<string>();
            Add("base.conf", BaseRules.Text(settings, truncated));
            foreach (var source in sources) Add($"{files.Count:000}-{Path.GetFileName(source)}", File.ReadAllText(source));

            var (handle, count) = ModSecurityEngine.Load(files);
            var anchor = Encoding.UTF8.GetBytes($"[file \"{folder.FullName}/");
            return new RuleSet(handle, count, anchor, Encoding.ASCII.GetBytes(truncated), facts, expressions);

            void Add(string name, string text)
            {
                text = RuleText.Limited(text, settings.MatchLimit);
                foreach (var (id, rule) in RuleText.Describe(text)) facts[id] = rule;
                var counted = RuleText.CountExpressions(text);
                expressions.Limited += counted.Limited;
                expressions.Unlimited += counted.Unlimited;
                expressions.Negated += counted.Negated;
                var file = Path.Combine(folder.FullName, name);
                File.WriteAllText(file, text);
                files.Add(file);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A transaction of these rules; the caller disposes it.</summary>
    public ModSecurityTransaction Begin() => new(_handle, _logAnchor);

    /// <summary>What a rule says of itself; empty texts when it is unknown.</summary>
    public RuleFacts this[long id] => _facts.GetValueOrDefault(id, _unknown);

    public void Dispose() => _handle.Dispose();

    private static List<string> Sources(WafSettings settings)
    {
        if (!Directory.Exists(settings.RulesFolder))
            throw new DirectoryNotFoundException($"{WafSettings.Path}.rules: {settings.RulesFolder} (package modsecurity-crs)");
        if (!File.Exists(settings.SetupFile))
            throw new FileNotFoundException($"{WafSettings.Path}.setup: {settings.SetupFile} (package modsecurity-crs)");

        var beside = Path.GetDirectoryName(Path.GetFullPath(settings.SetupFile))!;
        var rules = Files(settings.RulesFolder, "*.conf");
        if (rules.Count == 0)
            throw new FileNotFoundException($"{WafSettings.Path}.rules: no *.conf in {settings.RulesFolder}");
        return [settings.SetupFile, .. Files(beside, "REQUEST-900-*.conf"), .. rules, .. Files(beside, "RESPONSE-999-*.conf")];
    }

    private static List<string> Files(string folder, string pattern)
    {
        var files = Directory.GetFiles(folder, pattern);
        Array.Sort(files, StringComparer.Ordinal);
        return [.. files];
    }
}
