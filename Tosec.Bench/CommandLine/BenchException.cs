using Tosec.Node.CommandLine;

namespace Tosec.Bench.CommandLine;

/// <summary>A run that cannot begin or go on; the message is for whoever started it.</summary>
internal sealed class BenchException(ExitCode code, string message) : Exception(message)
{
    public ExitCode Code { get; } = code;
}
