using System.CommandLine;
using System.CommandLine.Invocation;
using Tosec.Actors.Commands;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;

namespace Tosec.Node.CommandLine;

/// <summary>The words of the <c>tosec</c> program.</summary>
public static class TosecCommandLine
{
    /// <summary>Runs the program. Never throws; what went wrong is one line on stderr and the exit code.</summary>
    public static async Task<ExitCode> RunAsync(string[] args, RoleTable roles)
    {
        try
        {
            var parsed = Build(roles).Parse(ArgumentOrder.Arrange(args));
            if (parsed.Action is ParseErrorAction)
            {
                var errors = string.Join(" ", parsed.Errors.Select(error => error.Message));
                throw new CommandLineException(ExitCode.Usage, $"{errors} (tosec --help)");
            }

            var configuration = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,

                // Signals are the node's own business, and by default end the program after two seconds.
                ProcessTerminationTimeout = null,
            };
            return (ExitCode)await parsed.InvokeAsync(configuration).ConfigureAwait(false);
        }
        catch (CommandLineException e)
        {
            return Fail(e.Code, e.Message);
        }
        catch (SettingsException e)
        {
            return Fail(ExitCode.Configuration, e.Message);
        }
        catch (NodeStartException e)
        {
            return Fail(ExitCode.Unavailable, e.Message);
        }
        catch (Exception e)
        {
            return Fail(ExitCode.Internal, e.ToString());
        }
    }

    private static ExitCode Fail(ExitCode code, string message)
    {
        Console.Error.WriteLine("tosec: " + CommandOutput.Clean(message, keepLines: true));
        return code;
    }

    private static RootCommand Build(RoleTable roles)
    {
        var root = new RootCommand("TCP/IP offload and layer 7 security for virtual machines over shared memory.");
        root.Subcommands.Add(BuildNode(roles));
        root.Subcommands.Add(BuildRun());
        root.Subcommands.Add(BuildDns());
        root.Subcommands.Add(BuildCmd());
        root.Subcommands.Add(VmCommand.Build());
        root.Subcommands.Add(BuildConfig());
        root.Subcommands.Add(BuildRules());
        var version = new Command("version", "Prints the version.");
        version.SetAction(_ => Console.Out.WriteLine("tosec " + ProgramVersion.Text));
        root.Subcommands.Add(version);
        return root;
    }

    private static Command BuildNode(RoleTable roles)
    {
        var file = new Option<string>("--config", "-c") { Description = "HOCON file of the node.", Required = true, HelpName = "FILE" };
        var node = new Command("node", "Runs a node until SIGTERM or SIGINT.");
        node.Options.Add(file);
        node.SetAction(async (parsed, _) => (int)await NodeCommand.ExecuteAsync(parsed.GetValue(file)!, roles).ConfigureAwait(false));
        return node;
    }

    private static Command BuildDns()
    {
        var server = new Option<string[]>("--server") { Description = "DNS server to ask by TCP over TOSEC; may be given several times.", Required = true, HelpName = "ADDRESS[:PORT]" };
        var listen = new Option<string>("--listen")
        {
            Description = "Where the guest's resolvers ask, in its own kernel.",
            HelpName = "ADDRESS[:PORT]",
            DefaultValueFactory = _ => "127.0.0.1:53",
        };
        var (agent, guest, directory) = (AgentOption(), GuestOption(), RunDirectoryOption());
        var dns = new Command("dns", "Answers a guest's name queries from a DNS server that it reaches over TOSEC.");
        dns.Options.Add(server);
        dns.Options.Add(listen);
        dns.Options.Add(agent);
        dns.Options.Add(guest);
        dns.Options.Add(directory);
        dns.SetAction(async (parsed, _) =>
        {
            var socket = AgentChoice.Find(parsed.GetValue(agent), parsed.GetValue(guest), parsed.GetValue(directory));
            return (int)await DnsCommand.ExecuteAsync(socket, parsed.GetValue(listen)!, parsed.GetValue(server)!).ConfigureAwait(false);
        });
        return dns;
    }

    private static Command BuildRun()
    {
        var (agent, guest) = (AgentOption(), GuestOption());
        var directory = RunDirectoryOption();
        var allSyscalls = new Option<bool>("--all-syscalls")
        {
            Description = "Serves programs that make system calls themselves (Go, statically linked ones); slower.",
        };
        var program = new Argument<string[]>("PROGRAM") { Description = "Program and its arguments.", Arity = ArgumentArity.OneOrMore };
        var run = new Command("run", "Becomes PROGRAM, its sockets served by TOSEC.");
        run.Options.Add(agent);
        run.Options.Add(guest);
        run.Options.Add(directory);
        run.Options.Add(allSyscalls);
        run.Arguments.Add(program);
        run.SetAction(parsed => (int)RunCommand.Execute(
            parsed.GetValue(agent), parsed.GetValue(guest), parsed.GetValue(directory), parsed.GetValue(allSyscalls), parsed.GetValue(program)!));
        return run;
    }

    private static Command BuildCmd()
    {
        var node = new Option<string?>("--node") { Description = "Node to ask.", HelpName = "NAME" };
        var socket = new Option<string?>("--socket") { Description = "Control socket of the node to ask.", HelpName = "PATH" };
        var directory = RunDirectoryOption();
        var json = new Option<bool>("--json") { Description = "Answers in JSON." };
        var words = new Argument<string[]>("WORDS")
        {
            Description = "Palette, command and its arguments, for example: stream list. None: lists them.",
            Arity = ArgumentArity.ZeroOrMore,
        };
        var cmd = new Command("cmd", "Asks a running node.");
        cmd.Options.Add(node);
        cmd.Options.Add(socket);
        cmd.Options.Add(directory);
        cmd.Options.Add(json);
        cmd.Arguments.Add(words);
        cmd.SetAction(async (parsed, cancellation) =>
        {
            var path = await NodeChoice.FindAsync(
                parsed.GetValue(socket), parsed.GetValue(node), parsed.GetValue(directory), cancellation).ConfigureAwait(false);
            var result = await ControlClient.CallAsync(path, parsed.GetValue(words) ?? [], cancellation).ConfigureAwait(false);
            return (int)Answer(result, parsed.GetValue(json));
        });
        return cmd;
    }

    private static Command BuildConfig()
    {
        var file = new Argument<string>("FILE") { Description = "HOCON file of a node." };
        var check = new Command("check", "Says whether a node would start with the file; starts nothing.");
        check.Arguments.Add(file);
        check.SetAction(parsed =>
        {
            var settings = NodeSettingsLoader.Load(parsed.GetValue(file)!);
            Console.Out.WriteLine(
                $"{settings.File} is right: node {settings.Name}, role {settings.Role.ToString().ToLowerInvariant()}, "
                + $"{settings.Host.Guests.Count} guests, {settings.Host.Svms.Count} SVMs, {settings.Policy.Chains.Count} chains, "
                + $"{settings.Policy.Rules.Length} rules");
        });
        var config = new Command("config", "About configuration files.");
        config.Subcommands.Add(check);
        return config;
    }

    private static Command BuildRules()
    {
        var config = new Option<string?>("--config", "-c")
        {
            Description = "HOCON file of a node, whose variables and classes the rules may name; the defaults otherwise.",
            HelpName = "FILE",
        };
        var files = new Argument<string[]>("FILE") { Description = "Files of Suricata rules.", Arity = ArgumentArity.OneOrMore };
        var check = new Command("check", "Says how many rules an SVM of type ips would load, and why others not.");
        check.Options.Add(config);
        check.Arguments.Add(files);
        check.SetAction(parsed => (int)RulesCommand.Check(parsed.GetValue(config), parsed.GetValue(files)!));
        var rules = new Command("rules", "About rule files.");
        rules.Subcommands.Add(check);
        return rules;
    }

    private static Option<string?> AgentOption() => new("--agent") { Description = "Socket of the guest's agent.", HelpName = "SOCKET" };

    private static Option<string?> GuestOption() => new("--guest") { Description = "Guest whose agent to use.", HelpName = "NAME" };

    internal static Option<string?> RunDirectoryOption() => new("--run-directory")
    {
        Description = "Directory of sockets (TOSEC_RUN_DIRECTORY, else " + ReferenceFiles.All.GetString("tosec.node.run-directory", "") + ").",
        HelpName = "DIR",
    };

    internal static ExitCode Answer(CommandResult result, bool asJson)
    {
        if (asJson)
        {
            using var output = Console.OpenStandardOutput();
            CommandOutput.WriteJson(output, result);
        }
        else if (result.Error is null)
        {
            CommandOutput.WriteText(Console.Out, !Console.IsOutputRedirected, result);
        }
        else
        {
            Fail(ExitCode.Failed, result.Help is null ? result.Error : $"{result.Error}\n{result.Help}");
        }

        return result.Error is null ? ExitCode.Ok : result.Help is null ? ExitCode.Failed : ExitCode.Usage;
    }
}
