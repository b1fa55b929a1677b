using System.CommandLine;

namespace Tosec.Node.CommandLine;

/// <summary><c>tosec vm</c>: asks the host node about its virtual machines. The same as <c>tosec cmd --node HOST vm …</c>.</summary>
internal static class VmCommand
{
    public static Command Build()
    {
        // Before the word or behind it.
        var node = new Option<string?>("--node") { Description = "The host node, if there are several.", HelpName = "NAME", Recursive = true };
        var directory = TosecCommandLine.RunDirectoryOption();
        directory.Recursive = true;
        var json = new Option<bool>("--json") { Description = "Answers in JSON.", Recursive = true };
        var vm = new Command("vm", "Virtual machines of a running host node.");
        vm.Options.Add(node);
        vm.Options.Add(directory);
        vm.Options.Add(json);
        Add("list", "Lists them.", takesName: false);
        Add("start", "Starts one.", takesName: true);
        Add("stop", "Stops one.", takesName: true);
        return vm;

        void Add(string word, string description, bool takesName)
        {
            var name = new Argument<string>("NAME") { Description = "Which." };
            var command = new Command(word, description);
            if (takesName)
                command.Arguments.Add(name);
            command.SetAction(async (parsed, cancellation) =>
            {
                var path = await NodeChoice.FindAsync(
                    null, parsed.GetValue(node), parsed.GetValue(directory), cancellation, role: "host").ConfigureAwait(false);
                string[] words = takesName ? ["vm", word, parsed.GetValue(name)!] : ["vm", word];
                var result = await ControlClient.CallAsync(path, words, cancellation).ConfigureAwait(false);
                return (int)TosecCommandLine.Answer(result, parsed.GetValue(json));
            });
            vm.Subcommands.Add(command);
        }
    }
}
