namespace Tosec.Node.CommandLine;

/// <summary>What was asked for cannot be done. The message goes to stderr as it is; the program ends with the code.</summary>
public sealed class CommandLineException(ExitCode code, string message) : Exception(message)
{
    public ExitCode Code { get; } = code;
}
