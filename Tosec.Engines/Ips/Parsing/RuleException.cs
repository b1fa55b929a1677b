namespace Tosec.Engines.Ips.Parsing;

/// <summary>A rule that cannot be honoured: which part of it, and why. Thrown while a rule is read, caught by the reader of its file.</summary>
internal sealed class RuleException(string keyword, string reason) : Exception(reason)
{
    public string Keyword { get; } = keyword;
}
