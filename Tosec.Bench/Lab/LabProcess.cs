using System.Diagnostics;
using Tosec.Bench.CommandLine;
using Tosec.Node.CommandLine;

namespace Tosec.Bench.Lab;

/// <summary>
/// A long-lived process of the experiment, in a network namespace, its output in a log file. Whoever starts it disposes it: SIGTERM,
/// and SIGKILL if that is not heard.
/// </summary>
internal sealed class LabProcess : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private readonly Process _process;

    private LabProcess(string name, string log, Process process)
    {
        Name = name;
        Log = log;
        _process = process;
    }

    public string Name { get; }

    public string Log { get; }

    public int Id => _process.Id;

    public static LabProcess Start(string name, string networkNamespace, string directory, params IReadOnlyList<string> command)
    {
        var log = Path.Combine(directory, name + ".log");
        // The shell and ip become the program, so its number is the one we see.
        var start = new ProcessStartInfo(
            "/bin/sh", ["-c", "log=$1; shift; exec \"$@\" >\"$log\" 2>&1 </dev/null", "sh", log, "ip", "netns", "exec", networkNamespace, .. command]);
        foreach (var variable in new[] { "TOSEC_AGENT", "TOSEC_PRELOAD", "TOSEC_RUN_DIRECTORY", "TOSEC_DEBUG" })
            start.Environment.Remove(variable);
        return new LabProcess(name, log, Process.Start(start)!);
    }

    /// <summary>Waits until the log has the text.</summary>
    /// <exception cref="BenchException">The process has ended, or is silent for too long.</exception>
    public async Task SaysAsync(string text, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        while (!Says(text))
        {
            if (_process.HasExited || clock.Elapsed > _patience)
            {
                throw new BenchException(
                    ExitCode.Failed, $"{Name} {(_process.HasExited ? "has ended" : "does not get ready")} without '{text}':\n{Tail()}");
            }

            await Task.Delay(20, cancellation).ConfigureAwait(false);
        }
    }

    /// <exception cref="BenchException">It has ended.</exception>
    public void RequireAlive()
    {
        if (_process.HasExited)
            throw new BenchException(ExitCode.Failed, $"{Name} has ended with {_process.ExitCode}:\n{Tail()}");
    }

    public string Tail() => File.Exists(Log) ? string.Join('\n', File.ReadLines(Log).TakeLast(15)) : "(no log)";

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            Tool.TryRun("kill", "-TERM", $"{Id}");
            if (!_process.WaitForExit(TimeSpan.FromSeconds(15)))
            {
                _process.Kill();
                _process.WaitForExit();
            }
        }

        _process.Dispose();
    }

    private bool Says(string text)
    {
        if (!File.Exists(Log))
            return false;
        using var stream = new FileStream(Log, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Contains(text, StringComparison.Ordinal);
    }
}
