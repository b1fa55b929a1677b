using Tosec.Actors.Inspection;
using Tosec.Engines.Http;
using Tosec.Engines.Hyperscan;
using Tosec.Engines.Ips.Compile;
using Tosec.Engines.Ips.Model;
using Tosec.Engines.Ips.Parsing;

namespace Tosec.Engines.Ips;

/// <summary>
/// The intrusion prevention system, type <c>ips</c>: Suricata's rules over streams, with Hyperscan as prefilter, PCRE2 for regular
/// expressions, and libhtp for HTTP/1.x.
/// </summary>
/// <remarks>
/// Needs the libraries of the packages in <c>scripts/packages/engines</c>. The constructor and <see cref="Reload"/> block while
/// rules are read; they throw <see cref="IOException"/> or <see cref="UnauthorizedAccessException"/> when a file cannot be read,
/// <see cref="InvalidDataException"/> when the rules cannot be compiled, <see cref="DllNotFoundException"/> when a library is
/// missing. Rules that cannot be honoured are among the <see cref="Problems"/>, and not in force.
/// </remarks>
public sealed class IpsSystem : INetworkSecuritySystem, IReloadable
{
    private const int LineLimit = 64 * 1024;
    private const int FieldLimit = 256;
    private const int InflateLimit = 1024 * 1024;

    private readonly TimeProvider _time;
    private readonly string _libraries;
    private readonly Lock _reloading = new();
    private volatile RuleSet _rules;
    private bool _disposed;

    public IpsSystem(IpsSettings settings) : this(settings, TimeProvider.System)
    {
    }

    internal IpsSystem(IpsSettings settings, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(settings);
        Settings = settings;
        _time = time;

        // Asked first: without rules nothing else would tell that a library is missing.
        _libraries = $"Hyperscan {HyperscanDatabase.Version}, {HttpParserConfig.Version}";
        _rules = Load(settings, time);
        try
        {
            Http = new HttpParserConfig(LineLimit, FieldLimit, InflateLimit, normalize: true);
        }
        catch
        {
            _rules.Dispose();
            throw;
        }
    }

    public string Type => "ips";

    public string Description
    {
        get
        {
            var rules = _rules;
            return $"{rules.Rules.Length} rules, {rules.Problems.Count} refused"
                + $"{(Settings.DetectionOnly ? ", detection only" : "")}, {_libraries}";
        }
    }

    /// <summary>Rules in force for new connections.</summary>
    public int RuleCount => _rules.Rules.Length;

    /// <summary>The rules that were refused.</summary>
    public IReadOnlyList<RuleProblem> Problems => _rules.Problems;

    internal IpsSettings Settings { get; }

    internal HttpParserConfig Http { get; }

    public IStreamInspector Open(in StreamFacts facts)
    {
        // The set may be replaced, and its last reference go, between the look and the taking.
        var rules = _rules;
        while (!rules.TryAcquire()) rules = _rules;
        return new IpsInspector(this, rules, facts);
    }

    /// <summary>
    /// Reads the rule files again. New connections get the new rules, running ones keep theirs. When it throws, the old rules stay.
    /// </summary>
    public string Reload()
    {
        lock (_reloading)
        {
            var made = Load(Settings, _time);
            var old = _rules;
            _rules = made;
            old.Dispose();
        }

        return Description;
    }

    public void Dispose()
    {
        // The rules count those who use them: a second reference given back would be a connection's.
        if (Interlocked.Exchange(ref _disposed, true)) return;
        _rules.Dispose();
        Http.Dispose();
    }

    /// <summary>Reads and compiles without serving anything; for checks. Throws as the constructor does.</summary>
    public static RuleCheck Check(IEnumerable<string> files, string? classification, RuleVariables variables)
    {
        var read = RuleFiles.Read(files, classification, variables);
        using var rules = new RuleSet(read, TimeProvider.System);
        return new RuleCheck(
            read.Rules.GroupBy(rule => rule.Action).ToDictionary(group => group.Key.ToString().ToLowerInvariant(), group => group.Count()),
            read.Problems);
    }

    private static RuleSet Load(IpsSettings settings, TimeProvider time) =>
        new(RuleFiles.Read(settings.Rules, settings.Classification, settings.Variables), time);
}

/// <summary>What a check of rule files has found.</summary>
/// <param name="Loaded">How many rules of each action load.</param>
/// <param name="Problems">Those that do not.</param>
public sealed record RuleCheck(IReadOnlyDictionary<string, int> Loaded, IReadOnlyList<RuleProblem> Problems);
