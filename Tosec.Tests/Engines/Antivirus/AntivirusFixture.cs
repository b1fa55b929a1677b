using System.Collections.Concurrent;
using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus;

namespace Tosec.Tests.Engines.Antivirus;

/// <summary>A clamd, and an antivirus with the reference settings that asks it.</summary>
public sealed class AntivirusFixture : IDisposable
{
    private readonly ClamdProcess _clamd = new();

    public AntivirusFixture() => System = new AntivirusSystem(Settings, Events);

    public static AntivirusSettings Reference =>
        AntivirusSettings.From(ReferenceConfig.Read("antivirus.conf").GetConfig(AntivirusSettings.Path));

    public AntivirusSystem System { get; }

    internal ClamdProcess Clamd => _clamd;

    internal ObservedEvents Events { get; } = new();

    // A verdict is waited for however slow the machine is; where it is not to come, the test says so.
    internal AntivirusSettings Settings => Reference with { Socket = _clamd.Socket, ScanTimeout = TimeSpan.FromMinutes(1) };

    public void Dispose()
    {
        System.Dispose();
        _clamd.Dispose();
    }
}

/// <summary>What an engine has observed.</summary>
internal sealed class ObservedEvents : IObservationSink
{
    private readonly ConcurrentQueue<Observation> _all = new();

    public IEnumerable<T> Of<T>()
        where T : Observation => _all.OfType<T>();

    public void Observe(Observation observation) => _all.Enqueue(observation);
}
