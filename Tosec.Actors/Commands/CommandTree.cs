using System.Collections.Concurrent;

namespace Tosec.Actors.Commands;

/// <summary>
/// All commands of a node: palettes of commands, as Petabridge.Cmd shapes them. Thread safe; commands may be added while others run.
/// </summary>
/// <example>
/// <code>
/// tree.Add("stream", "list", "The streams this node carries", async (call, cancellation) =>
/// {
///     var streams = await vm.Ask&lt;StreamList&gt;(new ListStreams(call.Find("guest")), cancellation);
///     return CommandResult.Table(
///         ["stream", "guest", "chain", "sent [bytes]"],
///         streams.Select(s => new object?[] { $"{s.Id:x}", s.Guest, s.Chain, s.SentBytes }));
/// }, CommandArgument.Option("guest", "only this guest's", "-g"));
/// </code>
/// </example>
public sealed class CommandTree
{
    private readonly ConcurrentDictionary<(string Palette, string Name), CommandDefinition> _commands = new();

    /// <summary>In order of palette and name.</summary>
    public IReadOnlyList<CommandDefinition> Commands =>
        [.. _commands.Values.OrderBy(c => c.Palette, StringComparer.Ordinal).ThenBy(c => c.Name, StringComparer.Ordinal)];

    /// <summary>Adds a command.</summary>
    /// <exception cref="ArgumentException">The palette has a command of that name, or two arguments share a name or switch.</exception>
    public void Add(
        string palette, string name, string description, CommandHandler handler, params CommandArgument[] arguments)
    {
        var words = arguments.SelectMany(a => a.Switches.Append(a.Name)).ToArray();
        if (words.Distinct(StringComparer.Ordinal).Count() != words.Length)
            throw new ArgumentException($"two arguments of {palette} {name} share a name or a switch", nameof(arguments));
        var command = new CommandDefinition
        {
            Palette = palette,
            Name = name,
            Description = description,
            Arguments = arguments,
            Handler = handler,
        };
        if (!_commands.TryAdd((palette, name), command))
            throw new ArgumentException($"there is a command {palette} {name} already", nameof(name));
    }

    /// <summary>Adds a command whose answer is at hand.</summary>
    /// <exception cref="ArgumentException">As the other overload.</exception>
    public void Add(
        string palette, string name, string description, Func<CommandCall, CommandResult> handler, params CommandArgument[] arguments) =>
        Add(palette, name, description, (call, _) => Task.FromResult(handler(call)), arguments);

    /// <summary>
    /// Runs the command that the words name. Never throws for what the words say or a handler does: the answer is then an error,
    /// with the palette's help where words were wrong. <paramref name="onFailure"/> is told of handlers that failed.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public async Task<CommandResult> RunAsync(
        IReadOnlyList<string> words, CancellationToken cancellation = default, Action<CommandDefinition, Exception>? onFailure = null)
    {
        var (command, call, error) = CommandLineWords.Resolve(this, words);
        if (error is not null)
            return error;
        try
        {
            return await command!.Handler(call!, cancellation).WaitAsync(cancellation).ConfigureAwait(false);
        }
        catch (CommandException e)
        {
            return CommandResult.Failed(e.Message);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            throw;
        }
        catch (Exception e)
        {
            onFailure?.Invoke(command!, e);
            return CommandResult.Failed($"{command!.Palette} {command.Name} failed: {e.GetType().Name}: {e.Message}");
        }
    }

    /// <summary>The help of one palette, or of all when there is none of that name.</summary>
    public string Help(string? palette = null)
    {
        var commands = Commands;
        var own = commands.Where(c => c.Palette == palette).ToArray();
        return CommandHelp.Write(own.Length > 0 ? own : commands, withArguments: own.Length > 0);
    }

    internal CommandDefinition? Find(string palette, string name) => _commands.GetValueOrDefault((palette, name));

    internal bool HasPalette(string palette) => _commands.Keys.Any(key => key.Palette == palette);
}
