using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Configuration;
using Tosec.Actors.Workers;

namespace Tosec.Tests.Actors.Workers;

/// <summary>An actor system with the reference configuration and its workers, ended in the order that they have to be.</summary>
public sealed class WorkerHarness : IDisposable
{
    /// <summary>Guards against hanging for ever; nothing is concluded from how long something takes.</summary>
    public static readonly TimeSpan HangGuard = TimeSpan.FromSeconds(60);

    private readonly List<WorkerLoop> _loops = [];
    private readonly Lazy<ActorSystem> _system;

    public WorkerHarness() => _system = new Lazy<ActorSystem>(() => ActorSystem.Create("workers", ReferenceConfig()));

    public ActorSystem System => _system.Value;

    public ConcurrentQueue<(object Culprit, Exception Failure)> Failures { get; } = new();

    public static WorkerSettings DefaultSettings => WorkerSettings.From(ReferenceConfig().GetConfig(WorkerSettings.Section));

    public static Config ReferenceConfig()
    {
        var assembly = typeof(WorkerLoop).Assembly;
        using var stream = assembly.GetManifestResourceStream("hocon/reference/actors.conf")!;
        using var reader = new StreamReader(stream);
        return ConfigurationFactory.ParseString("akka.loglevel = OFF\nakka.stdout-loglevel = OFF")
            .WithFallback(ConfigurationFactory.ParseString(reader.ReadToEnd()));
    }

    public WorkerLoop Loop(string name = "worker", WorkerSettings? settings = null, bool start = true)
    {
        var loop = new WorkerLoop(name, settings ?? DefaultSettings, (_, culprit, e) => Failures.Enqueue((culprit, e)));
        _loops.Add(loop);
        if (start)
            loop.Start();
        return loop;
    }

    public WorkerDispatcher Dispatcher(bool direct = true) => WorkerDispatchers.Of(System).Rent(Loop(), direct);

    public static T On<T>(WorkerLoop loop, Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        loop.Post(() =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        });
        return done.Task.WaitAsync(HangGuard).GetAwaiter().GetResult();
    }

    public static void On(WorkerLoop loop, Action work) => On(loop, () =>
    {
        work();
        return true;
    });

    /// <summary>Waits for something that is certain to come.</summary>
    public static void Until(Func<bool> condition)
    {
        var deadline = Environment.TickCount64 + (long)HangGuard.TotalMilliseconds;
        var spin = new SpinWait();
        while (!condition())
        {
            if (Environment.TickCount64 > deadline)
                throw new TimeoutException("What had to come did not");
            spin.SpinOnce(sleep1Threshold: 50);
        }
    }

    public static void Wait(Task task) => task.WaitAsync(HangGuard).GetAwaiter().GetResult();

    public static T Ask<T>(IActorRef actor, object message) => actor.Ask<T>(message, HangGuard).GetAwaiter().GetResult();

    public void Dispose()
    {
        if (_system.IsValueCreated)
            Assert.True(_system.Value.Terminate().Wait(HangGuard), "the actor system did not terminate");
        foreach (var loop in _loops)
            loop.Dispose();
    }
}
