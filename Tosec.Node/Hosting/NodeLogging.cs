using Serilog;
using Serilog.Core;
using Serilog.Events;
using Tosec.Node.Configuration;

namespace Tosec.Node.Hosting;

/// <summary>Makes the node's logger.</summary>
public static class NodeLogging
{
    private const string Template =
        "{Timestamp:yyyy-MM-dd HH:mm:ss.fffzzz} {Level:u3} {Node:l}: {Message:l}{NewLine}{Exception}";

    private const long MaxFileBytes = 64 << 20;
    private const int KeptFiles = 8;

    /// <summary>Writes to stderr (stdout belongs to answers) and to the file if there is one. The caller disposes it last of all.</summary>
    /// <exception cref="NodeStartException">The file cannot be written.</exception>
    public static Logger Create(NodeSettings settings)
    {
        var configuration = new LoggerConfiguration()
            .MinimumLevel.Is(LevelOf(settings.Log.Level))
            .Enrich.WithProperty("Node", settings.Name)
            .WriteTo.Console(outputTemplate: Template, standardErrorFromLevel: LogEventLevel.Verbose);
        if (settings.Log.File is { } file)
        {
            RequireWritable(file);
            configuration.WriteTo.File(
                file, outputTemplate: Template, fileSizeLimitBytes: MaxFileBytes, rollOnFileSizeLimit: true,
                retainedFileCountLimit: KeptFiles);
        }

        return configuration.CreateLogger();
    }

    /// <summary>Akka's word for the level.</summary>
    public static string AkkaLevel(LogVerbosity level) => level switch
    {
        LogVerbosity.Verbose or LogVerbosity.Debug => "DEBUG",
        LogVerbosity.Info => "INFO",
        LogVerbosity.Warning => "WARNING",
        _ => "ERROR",
    };

    private static LogEventLevel LevelOf(LogVerbosity level) => level switch
    {
        LogVerbosity.Verbose => LogEventLevel.Verbose,
        LogVerbosity.Debug => LogEventLevel.Debug,
        LogVerbosity.Info => LogEventLevel.Information,
        LogVerbosity.Warning => LogEventLevel.Warning,
        _ => LogEventLevel.Error,
    };

    // Serilog keeps silent about a file that it cannot write.
    private static void RequireWritable(string file)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file) ?? "/");
            using var stream = new FileStream(file, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new NodeStartException($"cannot write the log file {file} (tosec.log.file): {e.Message}", e);
        }
    }
}
