using Tosec.Actors.Commands;
using Tosec.Node.Configuration;

namespace Tosec.Node.CommandLine;

/// <summary>Which node <c>tosec cmd</c> speaks to.</summary>
internal static class NodeChoice
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    /// <summary>
    /// The socket that was named; else that of the named node; else the directory's only one; else that of its only node of the role.
    /// </summary>
    /// <exception cref="CommandLineException">There is none, or more than one could be meant; the message lists them.</exception>
    public static async Task<string> FindAsync(string? socket, string? node, string? runDirectory, CancellationToken cancellation, string role = "tovm")
    {
        if (socket is not null)
            return socket;
        var directory = runDirectory ?? RunDirectory.Default;
        var sockets = RunDirectory.ControlSockets(directory);
        if (node is not null)
        {
            var path = Path.Combine(directory, node + ".ctl");
            return Names.IsValid(node) && Path.Exists(path)
                ? path
                : throw new CommandLineException(ExitCode.Unavailable, $"there is no node {node} in {directory}; {Listed(sockets)}");
        }

        switch (sockets.Count)
        {
            case 0:
                throw new CommandLineException(ExitCode.Unavailable, $"there is no node in {directory} (name one by --run-directory or --socket)");
            case 1:
                return sockets[0];
        }

        var roles = await Task.WhenAll(sockets.Select(path => RoleAsync(path, cancellation))).ConfigureAwait(false);
        var chosen = sockets.Zip(roles).Where(pair => pair.Second == role).ToArray();
        return chosen.Length == 1
            ? chosen[0].First
            : throw new CommandLineException(
                ExitCode.Usage,
                $"which node? name one by --node: {string.Join(", ", sockets.Zip(roles).Select(p => $"{NameOf(p.First)} ({p.Second})"))}");
    }

    private static string Listed(IReadOnlyList<string> sockets) =>
        sockets.Count == 0 ? "there is none at all" : "there are: " + string.Join(", ", sockets.Select(NameOf));

    private static string NameOf(string socket) => Path.GetFileNameWithoutExtension(socket);

    private static async Task<string> RoleAsync(string path, CancellationToken cancellation)
    {
        try
        {
            var result = await ControlClient.CallAsync(path, ["node", "show"], cancellation, _patience).ConfigureAwait(false);
            return Fact(result, "role") ?? "no answer";
        }
        catch (CommandLineException)
        {
            return "not running";
        }
    }

    private static string? Fact(CommandResult result, string name) =>
        result.IsTable ? result.Rows.FirstOrDefault(row => row is [string fact, ..] && fact == name) is { IsDefault: false } row
            ? row[1] as string : null : null;
}
