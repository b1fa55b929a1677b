using Spectre.Console;
using Tosec.Bench.CommandLine;
using Tosec.Bench.Lab;
using Tosec.Node.CommandLine;

namespace Tosec.Bench.Latency;

/// <summary><c>tosec-bench latency</c>.</summary>
internal static class LatencyCommand
{
    /// <exception cref="BenchException">It cannot be measured here.</exception>
    public static async Task<ExitCode> ExecuteAsync(LatencyPlan plan, string output, string? report, CancellationToken cancellation)
    {
        if (plan.Cpu >= Environment.ProcessorCount)
            throw new BenchException(ExitCode.Usage, $"--cpu {plan.Cpu}: this machine has CPUs 0 to {Environment.ProcessorCount - 1}");
        if (report is not null)
            LatencyReport.RequireMarkers(report);
        using var run = new LatencyRun(plan);
        var results = await AnsiConsole.Progress().Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new PercentageColumn(), new RemainingTimeColumn())
            .StartAsync(progress => MeasureAsync(run, plan, progress, cancellation)).ConfigureAwait(false);

        await File.WriteAllTextAsync(output, results.ToJson() + "\n", cancellation).ConfigureAwait(false);
        if (report is not null)
            LatencyReport.Write(report, results);
        LatencyTables.Show(AnsiConsole.Console, results);
        AnsiConsole.MarkupLineInterpolated($"everything that was measured: {Path.GetFullPath(output)}");
        return ExitCode.Ok;
    }

    private static async Task<LatencyResults> MeasureAsync(
        LatencyRun run, LatencyPlan plan, ProgressContext progress, CancellationToken cancellation)
    {
        var begun = DateTimeOffset.UtcNow;
        var load = Machine.Load();
        var bar = progress.AddTask("starting both sides", maxValue: plan.Rounds * plan.Settings.Count * plan.Bytes.Count * plan.Cases.Count);
        await run.StartAsync(cancellation).ConfigureAwait(false);
        bar.Description = "letting the compilers settle";
        foreach (var name in plan.Cases)
            await run.SettleAsync(name, cancellation).ConfigureAwait(false);
        var samples = new List<LatencySample>();
        var background = new List<BackgroundLoad>();
        for (var round = 1; round <= plan.Rounds; round++)
        {
            foreach (var setting in plan.Settings)
            {
                run.Apply(setting);
                foreach (var bytes in plan.Bytes)
                {
                    foreach (var name in plan.Cases)
                    {
                        bar.Description = $"round {round} of {plan.Rounds}, {LatencyTables.NameOf(setting)}, {bytes} B, {name}";
                        var machine = MachineUse.Read();
                        var sample = await run.MeasureAsync(round, setting, name, bytes, cancellation).ConfigureAwait(false);
                        samples.Add(sample);
                        background.Add(Others(sample, machine));
                        bar.Increment(1);
                    }
                }
            }
        }

        var figures = LatencySummary.Figures(samples);
        return new LatencyResults
        {
            Begun = begun,
            Ended = DateTimeOffset.UtcNow,
            Machine = Machine.Describe(AppContext.BaseDirectory),
            LoadBefore = load,
            LoadAfter = Machine.Load(),
            Pinning = plan.Settings.ToDictionary(setting => setting, setting =>
                setting == Setting.Free ? "nothing is pinned" : $"every thread of every party of both sides runs on CPU {run.Cpus(setting)}"),
            Plan = plan,
            Figures = figures,
            Ratios = LatencySummary.Ratios(figures),
            Background = background,
            Samples = samples,
        };
    }

    private static BackgroundLoad Others(LatencySample sample, MachineUse before)
    {
        var now = MachineUse.Read();
        // Warm-up and the start of the client are in the interval too, and count as somebody else's.
        var ours = sample.Parties.Values.Sum(use => use.CpuMicroseconds) * sample.Client.Requests / 1e6 / Math.Max(0.001, now.At - before.At);
        return new BackgroundLoad(sample.Round, sample.Setting, Math.Max(0, now.BusySince(before) - ours), now.StolenSince(before));
    }
}
