using System.Globalization;
using System.Runtime.InteropServices;
using Tosec.Node.CommandLine;

namespace Tosec.Bench.Lab;

/// <summary>Where and with what it was measured.</summary>
internal sealed record Machine(
    string Processor, int Cpus, string Kernel, string System, string Tosec, string Commit, string Runtime, string HaProxy, string Iproute)
{
    public static Machine Describe(string repository) => new(
        Field("/proc/cpuinfo", "model name", ':'),
        Environment.ProcessorCount,
        File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        Field("/etc/os-release", "PRETTY_NAME", '=').Trim('"'),
        ProgramVersion.Text,
        Tool.FirstLine("git", "-C", repository, "describe", "--always", "--dirty"),
        RuntimeInformation.FrameworkDescription,
        Tool.FirstLine("haproxy", "-v"),
        Tool.FirstLine("ip", "-V"));

    /// <summary>The kernel's load averages of 1, 5 and 15 minutes.</summary>
    public static double[] Load() =>
        [.. File.ReadAllText("/proc/loadavg").Split(' ')[..3].Select(word => double.Parse(word, CultureInfo.InvariantCulture))];

    private static string Field(string file, string key, char separator) =>
        File.ReadLines(file).FirstOrDefault(line => line.StartsWith(key, StringComparison.Ordinal)) is { } line
            ? line[(line.IndexOf(separator) + 1)..].Trim()
            : "unknown";
}
