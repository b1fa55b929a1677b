using Tosec.Actors.Inspection;

namespace Tosec.Engines.Antivirus.Clamd;

/// <summary>Asks clamd now and then whether it is there, and reports when that changes. A thread of its own.</summary>
internal sealed class ClamdHealth : IDisposable
{
    private static readonly TimeSpan _interval = TimeSpan.FromSeconds(2);

    private readonly ClamdClient _clamd;
    private readonly IObservationSink _events;
    private readonly ManualResetEventSlim _stop = new();
    private readonly Thread _thread;
    private volatile string? _version;
    private volatile string _problem = "not asked yet";

    /// <summary>Asks once before it returns, so that a description made at the start is right.</summary>
    public ClamdHealth(ClamdClient clamd, IObservationSink events)
    {
        _clamd = clamd;
        _events = events;
        _version = clamd.Version(out var problem);
        _problem = problem;
        if (_version is null) Report();
        _thread = new Thread(Run) { IsBackground = true, Name = "clamd-health" };
        _thread.Start();
    }

    public bool IsReachable => _version is not null;

    public string Description => _version ?? _problem;

    public void Dispose()
    {
        if (_stop.IsSet) return;
        _stop.Set();
        _thread.Join();
    }

    private void Run()
    {
        while (!_stop.Wait(_interval))
        {
            var was = IsReachable;
            var version = _clamd.Version(out var problem);
            _problem = problem;
            _version = version;
            if (was != IsReachable) Report();
        }
    }

    private void Report() => _events.Observe(IsReachable
        ? new AnomalyObservation("engine-reachable", $"clamd is back: {Description}")
        : new AnomalyObservation("engine-unreachable", Description));
}
