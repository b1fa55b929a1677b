using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Tosec.Node.Dns;
using Tosec.Transport.Shm.Client;

namespace Tosec.Node.CommandLine;

/// <summary><c>tosec dns</c>: name resolution of a guest without a network, until SIGTERM or SIGINT.</summary>
internal static class DnsCommand
{
    private const int Port = 53;

    /// <exception cref="CommandLineException">An address is none, the agent is not there, or the end point is taken.</exception>
    public static async Task<ExitCode> ExecuteAsync(string agent, string listen, IReadOnlyList<string> servers)
    {
        var listenOn = Parse("--listen", listen);
        var asked = servers.Select(server => Parse("--server", server)).ToArray();
        TosecSocket.UseAgent(agent);
        using var stop = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            using var relay = new DnsRelay(listenOn, asked);
            Console.Error.WriteLine($"tosec: answers DNS on {listenOn}");
            await relay.RunAsync(stop.Token).ConfigureAwait(false);
        }
        catch (SocketException failure)
        {
            throw new CommandLineException(ExitCode.Unavailable, $"cannot listen on {listenOn}: {failure.Message}");
        }

        return ExitCode.Ok;

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    private static IPEndPoint Parse(string option, string text)
    {
        if (!IPEndPoint.TryParse(text, out var endPoint))
            throw new CommandLineException(ExitCode.Usage, $"{option} {text}: not an address; allowed: ADDRESS or ADDRESS:PORT, IPv6 as [ADDRESS]:PORT");
        return endPoint.Port == 0 ? new IPEndPoint(endPoint.Address, Port) : endPoint;
    }
}
