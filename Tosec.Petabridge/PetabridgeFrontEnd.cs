using Akka.Actor;
using Akka.Configuration;
using Petabridge.Cmd;
using Petabridge.Cmd.Host;
using Tosec.Actors.Commands;
using CommandDefinition = Petabridge.Cmd.CommandDefinition;

namespace Tosec.Petabridge;

/// <summary>Offers a node's commands to <c>pbm</c>: each palette of the tree as a palette, each command as a command.</summary>
public static class PetabridgeFrontEnd
{
    // The host's own default is every interface, and it asks nobody who they are.
    private const string Defaults = """
        petabridge.cmd {
          host = "127.0.0.1"
          port = 9110
        }
        """;

    /// <summary>
    /// Starts listening with the commands the tree has now. Everyone who can connect can run them; the address and port are
    /// <c>petabridge.cmd.host</c> (default 127.0.0.1) and <c>petabridge.cmd.port</c> (default 9110).
    /// </summary>
    public static void Start(ActorSystem system, CommandTree tree)
    {
        system.Settings.InjectTopLevelFallback(ConfigurationFactory.ParseString(Defaults));
        var host = PetabridgeCmd.Get(system);
        foreach (var commands in tree.Commands.GroupBy(command => command.Palette))
        {
            var palette = new CommandPalette(commands.Key, [.. commands.Select(Define)]);
            host.RegisterCommandPalette(new TreePaletteHandler(commands.Key, palette, tree));
        }

        host.Start();
    }

    private static CommandDefinition Define(Tosec.Actors.Commands.CommandDefinition command)
    {
        var builder = new CommandDefinitionBuilder().WithName(command.Name).WithDescription(command.Description);
        foreach (var argument in command.Arguments)
        {
            builder = builder.WithArgument(b =>
            {
                b = b.WithName(argument.Name).WithDescription(argument.Description).IsMandatory(argument.IsMandatory);
                if (argument.Default is { } value)
                    b = b.WithDefaultValues(value);

                // There are no arguments by position there.
                foreach (var word in argument.Switches.DefaultIfEmpty("--" + argument.Name))
                    b = b.WithSwitch(word);
                return b;
            });
        }

        return builder.Build();
    }
}
