using System.CommandLine;

namespace Tosec.Node.CommandLine;

/// <summary><c>tosec vm</c>: asks the host node about its virtual machines. The same as <c>tosec cmd --node HOST vm …</c>.</summary>
internal static class VmCommand
{
    public static Command Build()
    {
        var vm = new Command("vm", "Virtual machines of a running host node.");
        vm.Subcommands.Add(Build("list", "Lists them.", takesName: false));
        vm.Subcommands.Add(Build("start", "Starts one.", takesName: true));
        vm.Subcommands.Add(Build("stop", "Stops one.", takesName: true));
        return vm;
    }

    private static Command Build(string word, string description, bool takesName)
    {
        var name = new Argument<string>("NAME") { Description = "Which." };
        var node = new Option<string?>("--node") { Description = "The host node, if there are several.", HelpName = "NAME" };
        var directory = TosecCommandLine.RunDirectoryOption();
        var json = new Option<bool>("--json") { Description = "Answers in JSON." };
        var command = new Command(word, description);
        if (takesName)
            command.Arguments.Add(name);
        command.Options.Add(node);
        command.Options.Add(directory);
        command.Options.Add(json);
        command.SetAction(async (parsed, cancellation) =>
        {
            var path = await NodeChoice.FindAsync(
                null, parsed.GetValue(node), parsed.GetValue(directory), cancellation, role: "host").ConfigureAwait(false);
            string[] words = takesName ? ["vm", word, parsed.GetValue(name)!] : ["vm", word];
            var result = await ControlClient.CallAsync(path, words, cancellation).ConfigureAwait(false);
            return (int)TosecCommandLine.Answer(result, parsed.GetValue(json));
        });
        return command;
    }
}
