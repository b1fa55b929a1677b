using System.CommandLine;
using System.CommandLine.Invocation;
using Tosec.Bench.Latency;
using Tosec.Node.CommandLine;

namespace Tosec.Bench.CommandLine;

/// <summary>The words of the <c>tosec-bench</c> program.</summary>
internal static class BenchCommandLine
{
    /// <summary>Runs the program. Never throws; what went wrong is one line on stderr and the exit code.</summary>
    public static async Task<ExitCode> RunAsync(string[] args)
    {
        try
        {
            var parsed = Build().Parse(args);
            if (parsed.Action is ParseErrorAction)
                return Fail(ExitCode.Usage, string.Join(" ", parsed.Errors.Select(error => error.Message)) + " (tosec-bench --help)");
            var configuration = new InvocationConfiguration
            {
                EnableDefaultExceptionHandler = false,

                // After an interrupt namespaces and processes are still to be taken away.
                ProcessTerminationTimeout = TimeSpan.FromSeconds(30),
            };
            return (ExitCode)await parsed.InvokeAsync(configuration).ConfigureAwait(false);
        }
        catch (BenchException e)
        {
            return Fail(e.Code, e.Message);
        }
        catch (OperationCanceledException)
        {
            return Fail(ExitCode.Failed, "interrupted");
        }
        catch (Exception e)
        {
            return Fail(ExitCode.Internal, e.ToString());
        }
    }

    private static ExitCode Fail(ExitCode code, string message)
    {
        Console.Error.WriteLine("tosec-bench: " + message);
        return code;
    }

    private static RootCommand Build()
    {
        var root = new RootCommand("Measures TOSEC beside what it is to replace, in one run on this machine.");
        root.Subcommands.Add(BuildLatency());
        return root;
    }

    private static Command BuildLatency()
    {
        var rounds = Number("--rounds", 5, "Rounds over all cases; figures are medians of the rounds.", 1);
        var requests = Number("--requests", 2000, "Requests of one measurement.", 1);
        var warmUp = Number("--warm-up", 300, "Requests before each measurement.", 0);
        var limit = Number("--limit", 2000, "Milliseconds after which a measurement ends with fewer requests.", 1);
        var bytes = new Option<int[]>("--bytes")
        {
            Description = "Lengths of request and response.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [1, 64, 1024, 16384],
        };
        var settings = new Option<Setting[]>("--settings")
        {
            Description = "Free: nothing is pinned. OneCpu: everything of both sides runs on one CPU.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [Setting.Free, Setting.OneCpu],
        };
        var cases = new Option<string[]>("--cases")
        {
            Description = "Cases to measure.",
            AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [.. LatencyCase.All.Select(one => one.Name)],
        };
        var cpu = Number("--cpu", Environment.ProcessorCount - 1, "The one CPU.", 0);
        var spins = Number("--spins", 0, "tosec.worker.spins of all nodes.", 0);
        var epoll = new Option<bool>("--epoll") { Description = "The server waits in epoll, not in read." };
        var output = new Option<string>("--output", "-o")
        {
            Description = "File for everything that was measured.",
            DefaultValueFactory = _ => "results.json",
        };
        var report = new Option<string?>("--report") { Description = "Markdown file whose figures (between its two markers) are replaced." };

        foreach (var option in new[] { rounds, requests, limit })
            RequireAtLeast(option, 1);
        foreach (var option in new[] { warmUp, cpu, spins })
            RequireAtLeast(option, 0);
        bytes.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<int[]>().Any(one => one is < 1 or > LatencyPlan.MaxBytes))
                result.AddError($"--bytes takes lengths from 1 to {LatencyPlan.MaxBytes}.");
        });
        cases.AcceptOnlyFromAmong([.. LatencyCase.All.Select(one => one.Name)]);

        var command = new Command("latency", "Request and response: TOSEC, kernel TCP, HAProxy. Needs root, iproute2, haproxy.");
        foreach (var option in new Option[] { rounds, requests, warmUp, limit, bytes, settings, cases, cpu, spins, epoll, output, report })
            command.Options.Add(option);
        command.SetAction(async (parsed, cancellation) =>
        {
            var plan = new LatencyPlan
            {
                Rounds = parsed.GetValue(rounds),
                Requests = parsed.GetValue(requests),
                WarmUp = parsed.GetValue(warmUp),
                LimitMilliseconds = parsed.GetValue(limit),
                Bytes = [.. parsed.GetValue(bytes)!.Distinct().Order()],
                Settings = [.. parsed.GetValue(settings)!.Distinct()],
                Cases = [.. LatencyCase.All.Where(one => parsed.GetValue(cases)!.Contains(one.Name)).Select(one => one.Name)],
                Cpu = parsed.GetValue(cpu),
                Spins = parsed.GetValue(spins),
                Epoll = parsed.GetValue(epoll),
            };
            return (int)await LatencyCommand.ExecuteAsync(
                plan, parsed.GetValue(output)!, parsed.GetValue(report), cancellation).ConfigureAwait(false);
        });
        return command;
    }

    private static Option<int> Number(string name, int value, string description, int least) =>
        new(name) { Description = $"{description} At least {least}.", DefaultValueFactory = _ => value };

    private static void RequireAtLeast(Option<int> option, int least) => option.Validators.Add(result =>
    {
        if (result.GetValueOrDefault<int>() < least)
            result.AddError($"{option.Name} is at least {least}.");
    });
}
