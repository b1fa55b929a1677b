namespace Tosec.Node.CommandLine;

/// <summary>
/// Puts arguments into the order the parser needs: options that belong to <c>tosec</c> first, then <c>--</c>, then the words that
/// belong to somebody else (a program, a node's command) and must not be read as options.
/// </summary>
internal static class ArgumentOrder
{
    private static readonly string[] _runValues = ["--agent", "--guest", "--run-directory"];
    private static readonly string[] _runFlags = ["--all-syscalls"];
    private static readonly string[] _cmdValues = ["--node", "--socket", "--run-directory"];
    private static readonly string[] _cmdFlags = ["--json"];
    private static readonly string[] _help = ["--help", "-h", "-?"];

    public static string[] Arrange(string[] args) => args switch
    {
        ["run", .. var rest] => ["run", .. Split(rest, _runValues, _runFlags, untilFirstWord: true)],
        ["cmd", .. var rest] => ["cmd", .. Split(rest, _cmdValues, _cmdFlags, untilFirstWord: false)],
        _ => args,
    };

    // A program's own options are never looked at; a node's commands have none of the names that are ours.
    private static string[] Split(string[] args, string[] withValue, string[] flags, bool untilFirstWord)
    {
        var own = new List<string>();
        var words = new List<string>();
        for (var i = 0; i < args.Length; i++)
        {
            var name = args[i].Split('=', 2)[0];
            if (args[i] == "--")
            {
                words.AddRange(args[(i + 1)..]);
                break;
            }

            if (withValue.Contains(name))
            {
                own.Add(args[i]);
                if (name == args[i] && i + 1 < args.Length)
                    own.Add(args[++i]);
            }
            else if (flags.Contains(args[i]) || (words.Count == 0 && (_help.Contains(args[i]) || (untilFirstWord && args[i].StartsWith('-')))))
            {
                own.Add(args[i]);
            }
            else if (untilFirstWord)
            {
                words.AddRange(args[i..]);
                break;
            }
            else
            {
                words.Add(args[i]);
            }
        }

        return words.Count == 0 ? [.. own] : [.. own, "--", .. words];
    }
}
