namespace Tosec.Node.Configuration;

/// <summary>What may name a node, guest, SVM, tenant or chain: names become file names, actor names and words of commands.</summary>
internal static class Names
{
    public const string Allowed = "letters, digits, '-' and '_', at most 63, not beginning with '-'";
    private const int MaxLength = 63;

    public static bool IsValid(string name) =>
        name.Length is > 0 and <= MaxLength && name[0] != '-'
        && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_');
}
