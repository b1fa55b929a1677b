using Akka.Actor;
using Petabridge.Cmd;
using Petabridge.Cmd.Host;
using Tosec.Actors.Commands;

namespace Tosec.Petabridge;

/// <summary>One palette of the tree; each connection gets an actor of its own.</summary>
internal sealed class TreePaletteHandler(string name, CommandPalette palette, CommandTree tree) : CommandPaletteHandler(palette)
{
    public override Props HandlerProps { get; } = Props.Create(() => new TreeHandlerActor(name, palette, tree));
}

/// <summary>Runs the commands of one palette for one connection.</summary>
internal sealed class TreeHandlerActor : CommandHandlerActor
{
    private readonly CommandTree _tree;

    public TreeHandlerActor(string name, CommandPalette palette, CommandTree tree)
        : base(palette)
    {
        _tree = tree;
        foreach (var command in tree.Commands.Where(command => command.Palette == name))
            Process(command.Name, call => Run(command, call));
    }

    private void Run(Tosec.Actors.Commands.CommandDefinition command, Command call)
    {
        var words = new List<string> { command.Palette, command.Name };
        foreach (var (word, value) in call.Arguments)
        {
            // What the tree takes by position has a switch only there.
            var isPosition = command.Arguments.Any(argument => argument.Switches.Count == 0 && word == "--" + argument.Name);
            if (!isPosition)
                words.Add(word);
            words.Add(value);
        }

        var caller = Sender;
        _ = AnswerAsync(words, caller);
    }

    // A task that is not waited for: it ends by answering, whatever happens, and touches nothing of the actor.
    private async Task AnswerAsync(IReadOnlyList<string> words, IActorRef caller)
    {
        var result = await _tree.RunAsync(words).ConfigureAwait(false);
        if (result.Error is not null)
        {
            caller.Tell(new ErroredCommandResponse(result.Help is null ? result.Error : $"{result.Error}\n{result.Help}"));
            return;
        }

        foreach (var line in Lines(result))
            caller.Tell(new CommandResponse(line, final: false));
        caller.Tell(CommandResponse.Empty);
    }

    private static IEnumerable<string> Lines(CommandResult result)
    {
        if (!result.IsTable)
            return [result.Text ?? ""];
        var head = result.Columns.Select(column => column.Unit.Length == 0 ? column.Name : $"{column.Name} [{column.Unit}]");
        return [string.Join(" | ", head), .. result.Rows.Select(row => string.Join(" | ", row.Select(Show)))];
    }

    private static string Show(object? cell) => cell switch
    {
        null => "-",
        string text => text,
        IEnumerable<string> list => string.Join(", ", list),
        _ => Convert.ToString(cell, System.Globalization.CultureInfo.InvariantCulture) ?? "",
    };
}
