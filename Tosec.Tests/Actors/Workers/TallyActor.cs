using Akka.Actor;
using Tosec.Actors.Workers;

namespace Tosec.Tests.Actors.Workers;

/// <summary>What the actor under test understands.</summary>
internal static class TallyProtocol
{
    /// <summary>Numbers of one lane have to come as 1, 2, 3…</summary>
    public sealed record Numbered(int Lane, long Number);

    /// <summary>Counted only; kept by the test and sent again and again, as a pooled message is.</summary>
    public sealed class Pooled;

    public sealed record Fail;

    /// <summary>Awaits for a moment, then answers whether it came back to the worker's thread.</summary>
    public sealed record Await;

    public sealed record Report;

    /// <param name="Counted">Messages handled since the last start.</param>
    /// <param name="Last">The last number of each lane.</param>
    /// <param name="Starts">Times that the actor was made.</param>
    public sealed record Reported(long Counted, long[] Last, int Starts);
}

/// <summary>What went wrong and how often it was made, over all restarts of one actor.</summary>
internal sealed class TallyLog
{
    private readonly List<string> _faults = [];

    public int Starts { get; set; }

    public string[] Faults
    {
        get
        {
            lock (_faults)
                return [.. _faults];
        }
    }

    public void Fault(string what)
    {
        lock (_faults)
            _faults.Add(what);
    }
}

/// <summary>Counts, checks order, and checks at every turn that it is on its worker's thread and alone in there.</summary>
internal sealed class TallyActor : ReceiveActor
{
    private readonly WorkerLoop _loop;
    private readonly TallyLog _log;
    private readonly long[] _last = new long[8];
    private long _counted;
    private bool _inside;

    public TallyActor(WorkerLoop loop, TallyLog log)
    {
        _loop = loop;
        _log = log;
        log.Starts++;
        Checked("constructor");
        Receive<TallyProtocol.Pooled>(_ => Handle(() => { }));
        Receive<TallyProtocol.Numbered>(message => Handle(() =>
        {
            if (message.Number != _last[message.Lane] + 1)
                log.Fault($"lane {message.Lane}: {message.Number} after {_last[message.Lane]}");
            _last[message.Lane] = message.Number;
        }));
        Receive<TallyProtocol.Fail>(_ => throw new InvalidOperationException("as asked for"));
        Receive<TallyProtocol.Report>(_ =>
            Sender.Tell(new TallyProtocol.Reported(_counted, [.. _last], log.Starts), Self));
        ReceiveAsync<TallyProtocol.Await>(async _ =>
        {
            var sender = Sender;
            Checked("before await");
            await Task.Delay(1);
            Checked("after the first await");
            await Task.Run(() => { });
            Checked("after the second await");
            sender.Tell(_loop.OnThread, Self);
        });
    }

    public static Props CreateProps(WorkerDispatcher dispatcher, TallyLog log) =>
        Props.Create(() => new TallyActor(dispatcher.Loop, log)).OnWorker(dispatcher);

    protected override void PreStart() => Checked("PreStart");

    protected override void PostStop() => Checked("PostStop");

    private void Handle(Action work)
    {
        Checked("message");
        if (_inside)
            _log.Fault("entered twice");
        _inside = true;
        _counted++;
        work();
        _inside = false;
    }

    private void Checked(string where)
    {
        if (!_loop.OnThread)
            _log.Fault($"{where} on thread {Thread.CurrentThread.Name}");
    }
}
