using System.Text;

namespace Tosec.Actors.Commands;

/// <summary>Help texts.</summary>
internal static class CommandHelp
{
    /// <summary>A line for each command, with its arguments below when they are asked for.</summary>
    public static string Write(IReadOnlyCollection<CommandDefinition> commands, bool withArguments)
    {
        if (commands.Count == 0)
            return "this node has no commands";
        var text = new StringBuilder();
        var width = commands.Max(command => command.Usage.Length);
        foreach (var command in commands)
        {
            text.Append(command.Usage.PadRight(width)).Append("  ").Append(command.Description).Append('\n');
            if (withArguments)
                WriteArguments(text, command);
        }

        return text.ToString().TrimEnd('\n');
    }

    private static void WriteArguments(StringBuilder text, CommandDefinition command)
    {
        foreach (var argument in command.Arguments)
        {
            text.Append("    ")
                .Append(argument.Switches.Count == 0 ? argument.Name.ToUpperInvariant() : string.Join(", ", argument.Switches))
                .Append("  ").Append(argument.Description);
            if (argument.Default is { } value)
                text.Append(" (default: ").Append(value).Append(')');
            text.Append('\n');
        }
    }
}
