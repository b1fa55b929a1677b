using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Configuration;
using Akka.Dispatch;

namespace Tosec.Actors.Workers;

/// <summary>
/// The dispatchers of an actor system's workers. Akka knows dispatchers by id and never forgets one, so the ids of ended
/// workers are given to new ones: there are as many as workers at one time, however many come and go. Any thread.
/// </summary>
public sealed class WorkerDispatchers : IExtension
{
    private readonly ConcurrentBag<Configurator> _free = [];
    private readonly ExtendedActorSystem _system;
    private int _ids;

    internal WorkerDispatchers(ExtendedActorSystem system) => _system = system;

    /// <summary>The one of an actor system.</summary>
    public static WorkerDispatchers Of(ActorSystem system) => system.WithExtension<WorkerDispatchers, Provider>();

    /// <summary>
    /// Makes a dispatcher for a worker, to be used as <c>props.OnWorker(dispatcher)</c>, and given back with
    /// <see cref="Return"/>. The worker need not have been started.
    /// </summary>
    public WorkerDispatcher Rent(WorkerLoop loop) => Rent(loop, MailboxInternals.AreAsExpected);

    /// <summary>The same with the choice of direct delivery, for tests of the slow way.</summary>
    internal WorkerDispatcher Rent(WorkerLoop loop, bool direct)
    {
        if (!_free.TryTake(out var configurator))
        {
            var id = $"tosec.worker-dispatcher.{Interlocked.Increment(ref _ids)}";
            configurator = new Configurator(id, _system.Dispatchers.Prerequisites);
            if (!_system.Dispatchers.RegisterConfigurator(id, configurator))
                throw new InvalidOperationException($"Dispatcher {id} exists already; ids below it are for workers only");
        }

        return configurator.Bind(loop, direct);
    }

    /// <summary>
    /// Frees the id of a worker that is about to end: its actors have terminated, and none will be made. After this the
    /// worker may be disposed.
    /// </summary>
    /// <exception cref="InvalidOperationException">There are actors left, or it was returned before.</exception>
    public void Return(WorkerDispatcher dispatcher)
    {
        if (dispatcher.HasActors)
            throw new InvalidOperationException($"Worker {dispatcher.Loop.Name} still has actors on {dispatcher.Id}");
        var configurator = (Configurator)dispatcher.Configurator;
        if (!configurator.Unbind(dispatcher))
            throw new InvalidOperationException($"Worker {dispatcher.Loop.Name} has returned {dispatcher.Id} before");
        _free.Add(configurator);
    }

    private sealed class Configurator(string id, IDispatcherPrerequisites prerequisites)
        : MessageDispatcherConfigurator(ConfigurationFactory.Empty, prerequisites)
    {
        private WorkerDispatcher? _bound;

        public override MessageDispatcher Dispatcher() =>
            Volatile.Read(ref _bound) ?? throw new ConfigurationException($"The worker of dispatcher {id} has ended");

        public WorkerDispatcher Bind(WorkerLoop loop, bool direct)
        {
            var dispatcher = new WorkerDispatcher(this, id, loop, direct);
            Volatile.Write(ref _bound, dispatcher);
            return dispatcher;
        }

        public bool Unbind(WorkerDispatcher dispatcher) =>
            ReferenceEquals(Interlocked.CompareExchange(ref _bound, null, dispatcher), dispatcher);
    }

    private sealed class Provider : ExtensionIdProvider<WorkerDispatchers>
    {
        public override WorkerDispatchers CreateExtension(ExtendedActorSystem system) => new(system);
    }
}
