using System.Runtime.InteropServices;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;

namespace Tosec.Node.CommandLine;

/// <summary><c>tosec node</c>: runs a node until it is told to stop.</summary>
internal static class NodeCommand
{
    /// <exception cref="SettingsException">The file cannot be used.</exception>
    public static async Task<ExitCode> ExecuteAsync(string file, RoleTable roles)
    {
        var settings = NodeSettingsLoader.Load(file);
        using var log = NodeLogging.Create(settings);
        var host = new NodeHost(settings, roles, log);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        try
        {
            await host.StartAsync().ConfigureAwait(false);
        }
        catch (NodeStartException e)
        {
            log.Fatal(e.InnerException, "the node does not start: {Reason:l}", e.Message);
        }
        catch (OperationCanceledException)
        {
            log.Information("stopped before it had started");
        }
        catch (Exception e)
        {
            log.Fatal(e, "the node does not start");
        }

        var code = await host.Ended.ConfigureAwait(false);
        log.Information("node ended with exit code {Code}", (int)code);
        return code;

        void Stop(PosixSignalContext signal)
        {
            // The runtime would end the process at once.
            signal.Cancel = true;
            log.Information("{Signal}: the node stops", signal.Signal);
            _ = Task.Run(host.StopAsync);
        }
    }
}
