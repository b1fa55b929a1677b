namespace Tosec.Node.VirtualMachines;

/// <summary>Text of other programs, made fit for one line of a message.</summary>
internal static class LineText
{
    private const int MaxCharacters = 1000;

    /// <summary>The end of the text, on one line.</summary>
    public static string Tail(string text)
    {
        var lines = string.Join("; ", text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return lines.Length == 0 ? "(it said nothing)" : lines.Length <= MaxCharacters ? lines : "…" + lines[^MaxCharacters..];
    }
}
