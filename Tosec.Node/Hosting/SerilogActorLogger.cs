using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Dispatch;
using Akka.Event;
using Serilog;
using Serilog.Events;
using LogEvent = Akka.Event.LogEvent;

namespace Tosec.Node.Hosting;

/// <summary>Hands the actor system's log events to Serilog. Named in <c>akka.loggers</c>; finds its logger in the system's setup.</summary>
public sealed class SerilogActorLogger : ReceiveActor, IRequiresMessageQueue<ILoggerMessageQueueSemantics>
{
    private readonly ILogger _log;

    public SerilogActorLogger()
    {
        var setup = Context.System.Settings.Setup.Get<SerilogSetup>();
        _log = setup.HasValue
            ? setup.Value.Log
            : throw new InvalidOperationException($"the actor system was made without {nameof(SerilogSetup)}");
        Receive<InitializeLogger>(_ => Sender.Tell(new LoggerInitialized()));
        Receive<LogEvent>(Write);
    }

    private static LogEventLevel LevelOf(LogEvent e) => e.LogLevel() switch
    {
        LogLevel.DebugLevel => LogEventLevel.Debug,
        LogLevel.InfoLevel => LogEventLevel.Information,
        LogLevel.WarningLevel => LogEventLevel.Warning,
        _ => LogEventLevel.Error,
    };

    private void Write(LogEvent e)
    {
        var level = LevelOf(e);
        if (!_log.IsEnabled(level))
            return;

        // The text is complete; as a template its braces would be read once more.
        _log.ForContext("Source", e.LogSource).Write(level, e.Cause, "{Message:l} [{Source:l}]", e.Message?.ToString(), e.LogSource);
    }
}

/// <summary>Gives an actor system its Serilog logger.</summary>
public sealed class SerilogSetup(ILogger log) : Setup
{
    public ILogger Log { get; } = log;
}
