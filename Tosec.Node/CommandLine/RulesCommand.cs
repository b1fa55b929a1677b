using Tosec.Engines.Ips;
using Tosec.Node.Configuration;

namespace Tosec.Node.CommandLine;

/// <summary><c>tosec rules check</c>: reads and compiles rule files, starts nothing.</summary>
internal static class RulesCommand
{
    /// <summary>
    /// Writes a line for each rule that does not load, and then how many do. <see cref="ExitCode.Ok"/>: all do;
    /// <see cref="ExitCode.Configuration"/>: some do not.
    /// </summary>
    /// <param name="configuration">File of a node; null: the defaults.</param>
    /// <param name="files">Rule files.</param>
    /// <exception cref="CommandLineException">A file cannot be read, or a library is missing.</exception>
    public static ExitCode Check(string? configuration, IReadOnlyList<string> files)
    {
        var settings = configuration is null
            ? IpsSettings.From(ReferenceFiles.All.GetConfig(IpsSettings.Path)) : NodeSettingsLoader.Load(configuration).Ips;
        var check = Read(settings, files);
        foreach (var problem in check.Problems) Console.Out.WriteLine(CommandOutput.Clean(problem.ToString()));
        var loaded = check.Loaded.Values.Sum();
        var actions = string.Join(", ", check.Loaded.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Value} {pair.Key}"));
        Console.Out.WriteLine($"{loaded} of {loaded + check.Problems.Count} rules load{(loaded > 0 ? $": {actions}" : "")}");
        foreach (var group in check.Problems.GroupBy(problem => problem.Keyword).OrderByDescending(group => group.Count()))
            Console.Out.WriteLine(CommandOutput.Clean($"{group.Count()} refused for {group.Key}"));
        return check.Problems.Count == 0 ? ExitCode.Ok : ExitCode.Configuration;
    }

    private static RuleCheck Read(IpsSettings settings, IReadOnlyList<string> files)
    {
        try
        {
            return IpsSystem.Check(files, settings.Classification, settings.Variables);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CommandLineException(ExitCode.Configuration, failure.Message);
        }
        catch (DllNotFoundException failure)
        {
            throw new CommandLineException(ExitCode.Unavailable, failure.Message);
        }
    }
}
