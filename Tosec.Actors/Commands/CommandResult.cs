using System.Collections.Immutable;

namespace Tosec.Actors.Commands;

/// <summary>A column of a table.</summary>
/// <param name="Name">Lower case, words separated by blanks; programs get it with dashes instead.</param>
/// <param name="Unit">For example <c>bytes</c> or <c>ms</c>; empty: a count or a text.</param>
public sealed record CommandColumn(string Name, string Unit = "")
{
    /// <summary>Reads <c>"held [bytes]"</c>.</summary>
    public static implicit operator CommandColumn(string text)
    {
        var bracket = text.IndexOf(" [", StringComparison.Ordinal);
        return bracket > 0 && text.EndsWith(']')
            ? new CommandColumn(text[..bracket], text[(bracket + 2)..^1])
            : new CommandColumn(text);
    }
}

/// <summary>
/// What a command answers: a table, a text, or an error. Immutable. Cells are null, string, bool, whole numbers, double, TimeSpan,
/// DateTimeOffset or a list of strings; anything else is shown by its <c>ToString</c>.
/// </summary>
public sealed record CommandResult
{
    private CommandResult()
    {
    }

    /// <summary>Set for a table.</summary>
    public ImmutableArray<CommandColumn> Columns { get; private init; }

    /// <summary>Set for a table; every row has as many cells as there are columns.</summary>
    public ImmutableArray<ImmutableArray<object?>> Rows { get; private init; }

    /// <summary>Set for a text.</summary>
    public string? Text { get; private init; }

    /// <summary>Set for an error: one sentence.</summary>
    public string? Error { get; private init; }

    /// <summary>With an error: what could have been asked instead.</summary>
    public string? Help { get; private init; }

    public bool IsTable => !Columns.IsDefault;

    /// <exception cref="ArgumentException">A row has more or fewer cells than there are columns.</exception>
    public static CommandResult Table(IEnumerable<CommandColumn> columns, IEnumerable<IEnumerable<object?>> rows)
    {
        ImmutableArray<CommandColumn> head = [.. columns];
        ImmutableArray<ImmutableArray<object?>> body = [.. rows.Select(row => row.ToImmutableArray())];
        foreach (var row in body)
        {
            if (row.Length != head.Length)
                throw new ArgumentException($"a row of {row.Length} cells in a table of {head.Length} columns", nameof(rows));
        }

        return new CommandResult { Columns = head, Rows = body };
    }

    /// <summary>A table of one subject: a row for each fact.</summary>
    public static CommandResult Facts(params IEnumerable<(string Name, object? Value)> facts) =>
        Table(["fact", "value"], facts.Select(fact => new[] { fact.Name, fact.Value }));

    public static CommandResult FromText(string text) => new() { Text = text };

    public static CommandResult Failed(string error, string? help = null) => new() { Error = error, Help = help };
}
