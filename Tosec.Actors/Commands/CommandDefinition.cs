namespace Tosec.Actors.Commands;

/// <summary>Answers a command. Runs on a thread-pool thread; ends early when the token is cancelled.</summary>
/// <remarks>
/// A handler throws <see cref="CommandException"/> for what the caller got wrong. Any other exception is logged and answered as an
/// internal error; it harms nobody else.
/// </remarks>
public delegate Task<CommandResult> CommandHandler(CommandCall call, CancellationToken cancellation);

/// <summary>A command of a palette. Immutable.</summary>
public sealed record CommandDefinition
{
    public required string Palette { get; init; }

    public required string Name { get; init; }

    /// <summary>One line for the help.</summary>
    public required string Description { get; init; }

    public required IReadOnlyList<CommandArgument> Arguments { get; init; }

    public required CommandHandler Handler { get; init; }

    /// <summary>For example <c>stream show ID [--guest GUEST]</c>.</summary>
    public string Usage
    {
        get
        {
            var words = Arguments.Select(argument =>
            {
                var value = argument.Name.ToUpperInvariant();
                var word = argument.Switches.Count == 0 ? value : $"{argument.Switches[0]} {value}";
                return argument.IsMandatory ? word : $"[{word}]";
            });
            return string.Join(' ', [Palette, Name, .. words]);
        }
    }
}

/// <summary>The caller of a command got something wrong (an id that does not exist, a text that is no number).</summary>
public sealed class CommandException(string message) : Exception(message);
