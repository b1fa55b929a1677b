using Tosec.Node.Configuration;
using Tosec.Node.Hosting;

namespace Tosec.Node.CommandLine;

/// <summary>Which agent a program of a guest is served by.</summary>
internal static class AgentChoice
{
    /// <summary>Names the agent's socket to the socket library, and to us.</summary>
    public const string Variable = "TOSEC_AGENT";

    /// <summary>The absolute path of the agent's socket.</summary>
    /// <exception cref="CommandLineException">None answers, or which one is meant is not clear.</exception>
    public static string Find(string? agent, string? guest, string? runDirectory)
    {
        var socket = agent ?? AgentOf(guest, runDirectory ?? RunDirectory.Default);
        if (!Path.Exists(socket))
            throw new CommandLineException(ExitCode.Unavailable, $"there is no agent: {socket} does not exist (is the guest's node running?)");
        if (!UnixSockets.IsAnswering(socket, System.Net.Sockets.SocketType.Seqpacket))
            throw new CommandLineException(ExitCode.Unavailable, $"there is no agent: nobody answers on {socket} (is the guest's node running?)");
        return Path.GetFullPath(socket);
    }

    private static string AgentOf(string? guest, string runDirectory)
    {
        const string Socket = "agent.sock";
        if (guest is not null)
        {
            return Names.IsValid(guest)
                ? Path.Combine(runDirectory, guest, Socket)
                : throw new CommandLineException(ExitCode.Usage, $"--guest {guest}: not a name; allowed: {Names.Allowed}");
        }

        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } inherited)
            return inherited;
        var found = RunDirectory.Directories(runDirectory).Where(d => Path.Exists(Path.Combine(d, Socket))).ToArray();
        return found.Length switch
        {
            1 => Path.Combine(found[0], Socket),
            0 => throw new CommandLineException(
                ExitCode.Unavailable, $"there is no agent in {runDirectory} (is the guest's node running? else name it by --agent)"),
            _ => throw new CommandLineException(
                ExitCode.Usage, $"which guest? name one by --guest: {string.Join(", ", found.Select(Path.GetFileName).Order())}"),
        };
    }
}
