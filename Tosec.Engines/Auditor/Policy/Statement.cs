namespace Tosec.Engines.Auditor.Policy;

/// <summary>One statement as rules see it. Immutable.</summary>
/// <param name="Classes">At least one.</param>
/// <param name="Normalized">Every literal replaced by a question mark.</param>
/// <param name="Fingerprint">Of the normalized text.</param>
/// <param name="Tables">Tables and views, or keys; with their schema where the statement says it.</param>
/// <param name="Functions">Functions and procedures that are called; for Redis the command.</param>
/// <param name="Literals">The literals, in order.</param>
internal sealed record Statement(
    StatementClass Classes,
    string Normalized,
    string Fingerprint,
    IReadOnlyList<string> Tables,
    IReadOnlyList<string> Functions,
    IReadOnlyList<string> Literals)
{
    private const int MaxShown = 2048;
    private const int MaxNames = 256;

    /// <summary>
    /// A statement of a normalized text. Its fingerprint is of the whole text, of which the beginning is kept; one with more names than can be
    /// kept is of class unknown too.
    /// </summary>
    public static Statement Make(
        StatementClass classes, string normalized, IReadOnlyCollection<string> tables, IReadOnlyCollection<string> functions, IReadOnlyList<string> literals) => new(
        tables.Count > MaxNames || functions.Count > MaxNames ? classes | StatementClass.Unknown : classes,
        normalized.Length <= MaxShown ? normalized : normalized[..MaxShown] + "…",
        Fingerprints.Of(normalized),
        [.. tables.Take(MaxNames)],
        [.. functions.Take(MaxNames)],
        literals);

    /// <summary>A statement without a text, of one class.</summary>
    public static Statement Of(StatementClass @class, string text) => new(@class, text, Fingerprints.Of(text), [], [], []);

    /// <summary>As records and messages show them: in lower case, joined by commas.</summary>
    public string ClassNames => Classes.ToString().ToLowerInvariant().Replace(" ", "", StringComparison.Ordinal);
}
