using Tosec.Actors.Inspection;
using Tosec.Engines.Http;
using Tosec.Engines.ModSecurity;
using Tosec.Engines.Waf.Rules;

namespace Tosec.Engines.Waf;

/// <summary>
/// The web application firewall, type <c>waf</c>: HTTP/1.x framed by libhtp, judged by libmodsecurity with the OWASP core rule set.
/// What is not HTTP that it can read without doubt is blocked.
/// </summary>
/// <remarks>
/// Needs the libraries and rules of the packages in <c>scripts/packages/engines</c>; the constructor throws when they are missing
/// (<see cref="DllNotFoundException"/>, <see cref="FileNotFoundException"/>, <see cref="DirectoryNotFoundException"/>) or when the
/// rules are refused (<see cref="InvalidDataException"/>). It blocks while it reads them.
/// </remarks>
public sealed class WafSystem : INetworkSecuritySystem
{
    // A body may inflate to so much before its proportion is looked at.
    private const int InflateLimit = 1024 * 1024;

    private readonly HttpParserConfig _http;
    private readonly HashSet<string> _responseBodyTypes;

    public WafSystem(WafSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        Settings = settings;
        _responseBodyTypes = new HashSet<string>(settings.ResponseBodyTypes, StringComparer.OrdinalIgnoreCase);
        Rules = RuleSet.Load(settings);
        try
        {
            _http = new HttpParserConfig(settings.LineLimit, settings.FieldsLimit, InflateLimit);
        }
        catch
        {
            Rules.Dispose();
            throw;
        }

        Description = $"{ModSecurityEngine.Version}, {Rules.Count} rules, paranoia level {settings.ParanoiaLevel}"
            + $"{(settings.DetectionOnly ? ", detection only" : "")}, {HttpParserConfig.Version}";
    }

    public string Type => "waf";

    public string Description { get; }

    /// <summary>Rules in force.</summary>
    public int RuleCount => Rules.Count;

    /// <summary>Regular expressions in force that have no limit of steps (negated ones, which cannot fail open, not counted).</summary>
    public int UnlimitedExpressions => Rules.Expressions.Unlimited;

    internal WafSettings Settings { get; }

    internal RuleSet Rules { get; }

    public IStreamInspector Open(in StreamFacts facts) => new WafInspector(this, _http, facts);

    /// <summary>Releases the rules and the parser's configuration once the last inspector is gone.</summary>
    public void Dispose()
    {
        Rules.Dispose();
        _http.Dispose();
    }

    /// <summary>Is the body of a response of this <c>Content-Type</c> inspected?</summary>
    internal bool InspectsBody(ReadOnlySpan<byte> contentType)
    {
        var end = contentType.IndexOf((byte)';');
        var type = HttpStrictness.Trim(end < 0 ? contentType : contentType[..end]);
        if (type.Length is 0 or > 128) return false;
        Span<char> text = stackalloc char[type.Length];
        for (var i = 0; i < type.Length; i++) text[i] = (char)type[i];
        return _responseBodyTypes.GetAlternateLookup<ReadOnlySpan<char>>().Contains(text);
    }
}
