using Tosec.Node.Configuration;

namespace Tosec.Node.CommandLine;

/// <summary>The directory of sockets, for commands that read no configuration file.</summary>
internal static class RunDirectory
{
    private const string Variable = "TOSEC_RUN_DIRECTORY";

    /// <summary>Environment variable, else the reference file's.</summary>
    public static string Default =>
        Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? given
        : ReferenceFiles.All.GetString("tosec.node.run-directory", null);

    /// <summary>Directories inside; empty when the directory cannot be read.</summary>
    public static IReadOnlyList<string> Directories(string runDirectory) => List(runDirectory, Directory.GetDirectories);

    /// <summary>Control sockets inside, by name; empty when the directory cannot be read.</summary>
    public static IReadOnlyList<string> ControlSockets(string runDirectory) =>
        List(runDirectory, static directory => Directory.GetFiles(directory, "*.ctl"));

    private static IReadOnlyList<string> List(string directory, Func<string, string[]> list)
    {
        try
        {
            return [.. list(directory).Order(StringComparer.Ordinal)];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
