using Akka.Event;

namespace Tosec.Node.Hosting;

/// <summary>
/// Takes what Akka logs before <see cref="SerilogActorLogger"/> has started and after it has stopped; stdout, where Akka would write
/// it, belongs to answers.
/// </summary>
public sealed class SilentLogger : MinimalLogger
{
    protected override void Log(object message)
    {
    }
}
