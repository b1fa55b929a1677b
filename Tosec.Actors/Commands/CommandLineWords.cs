namespace Tosec.Actors.Commands;

/// <summary>Makes a checked call of the words of a command line.</summary>
internal static class CommandLineWords
{
    private static readonly string[] _help = ["help", "--help", "-h", "-?"];

    /// <summary>Either a command with its call, or the answer that ends the matter.</summary>
    public static (CommandDefinition? Command, CommandCall? Call, CommandResult? Answer) Resolve(
        CommandTree tree, IReadOnlyList<string> words)
    {
        if (words.Count == 0 || _help.Contains(words[0]))
            return Answer(CommandResult.FromText(tree.Help(words.Count > 1 ? words[1] : null)));
        var palette = words[0];
        if (!tree.HasPalette(palette))
            return Answer(CommandResult.Failed($"there is no palette {Shown(palette)}", tree.Help()));
        if (words.Count == 1)
            return Answer(CommandResult.Failed($"which command of {palette}?", tree.Help(palette)));
        if (_help.Contains(words[1]))
            return Answer(CommandResult.FromText(tree.Help(palette)));
        if (tree.Find(palette, words[1]) is not { } command)
            return Answer(CommandResult.Failed($"there is no command {Shown(words[1])} in palette {palette}", tree.Help(palette)));
        if (words.Skip(2).Any(word => _help.Contains(word)))
            return Answer(CommandResult.FromText(CommandHelp.Write([command], withArguments: true)));

        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var error = ReadArguments(command, words, values) ?? FillIn(command, values);
        return error is null
            ? (command, new CommandCall(palette, command.Name, values), null)
            : Answer(CommandResult.Failed(error, CommandHelp.Write([command], withArguments: true)));
    }

    private static (CommandDefinition?, CommandCall?, CommandResult) Answer(CommandResult result) => (null, null, result);

    private static string? ReadArguments(CommandDefinition command, IReadOnlyList<string> words, Dictionary<string, string> values)
    {
        var positions = new Queue<CommandArgument>(command.Arguments.Where(a => a.Switches.Count == 0));
        for (var i = 2; i < words.Count; i++)
        {
            var word = words[i];
            var (key, value) = word.StartsWith("--", StringComparison.Ordinal) && word.Contains('=', StringComparison.Ordinal)
                ? (word[..word.IndexOf('=', StringComparison.Ordinal)], word[(word.IndexOf('=', StringComparison.Ordinal) + 1)..])
                : (word, null);
            var argument = command.Arguments.FirstOrDefault(a => a.Switches.Contains(key));
            if (argument is not null)
            {
                if (value is null && ++i == words.Count)
                    return $"{key} needs a value";
                value ??= words[i];
            }
            else if (word.StartsWith('-') && word.Length > 1)
            {
                return $"{command.Palette} {command.Name} has no switch {Shown(key)}";
            }
            else if (!positions.TryDequeue(out argument))
            {
                return $"{command.Palette} {command.Name} takes no argument {Shown(word)}";
            }

            if (!values.TryAdd(argument.Name, value ?? word))
                return $"{argument.Name} is given twice";
        }

        return null;
    }

    private static string? FillIn(CommandDefinition command, Dictionary<string, string> values)
    {
        foreach (var argument in command.Arguments.Where(a => !values.ContainsKey(a.Name)))
        {
            if (argument.Default is { } value)
                values.Add(argument.Name, value);
            else if (argument.IsMandatory)
                return $"{argument.Name} is missing";
        }

        return null;
    }

    // Words come from outside and are shown on a terminal.
    private static string Shown(string word)
    {
        var clean = string.Concat(word.Take(40).Select(c => char.IsControl(c) ? '?' : c));
        return $"'{clean}'";
    }
}
