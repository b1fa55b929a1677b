using System.ComponentModel;
using System.Diagnostics;
using Tosec.Bench.CommandLine;
using Tosec.Node.CommandLine;

namespace Tosec.Bench.Lab;

/// <summary>Runs a program to its end. Blocks its thread.</summary>
internal static class Tool
{
    /// <returns>What it wrote to stdout.</returns>
    /// <exception cref="BenchException">It is not there, or says that it failed.</exception>
    public static string Run(string program, params IReadOnlyList<string> arguments)
    {
        var (code, output, errors) = TryRun(program, arguments);
        return code == 0
            ? output
            : throw new BenchException(ExitCode.Failed, $"{program} {string.Join(' ', arguments)} ended with {code}: {errors.Trim()}");
    }

    public static (int Code, string Output, string Errors) TryRun(string program, params IReadOnlyList<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output, errors.GetAwaiter().GetResult());
        }
        catch (Win32Exception e)
        {
            throw new BenchException(ExitCode.Unavailable, $"{program} cannot be run: {e.Message} (scripts/latency installs what is missing)");
        }
    }

    /// <summary>First line that a program answers to a question about its version.</summary>
    public static string FirstLine(string program, params IReadOnlyList<string> arguments) =>
        TryRun(program, arguments).Output.Split('\n')[0].Trim();
}
