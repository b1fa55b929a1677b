using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus.Clamd;
using Tosec.Engines.Antivirus.Objects;
using Tosec.Engines.Antivirus.Readers;
using Tosec.Engines.Http;

namespace Tosec.Engines.Antivirus;

/// <summary>
/// The antivirus, type <c>antivirus</c>: what HTTP, SMTP, IMAP and FTP's data connections carry is scanned by clamd. Starts without
/// clamd, and finds it when it comes: until then there are no verdicts, and chains decide by their failure policy.
/// </summary>
/// <remarks>Workers never wait for clamd: threads of its own do. Disposing lets the scans under way end.</remarks>
public sealed class AntivirusSystem : INetworkSecuritySystem
{
    private readonly HttpParserConfig _http;
    private readonly IObservationSink _events;
    private readonly ClamdHealth _health;

    /// <param name="settings">Checked ones.</param>
    /// <param name="events">Told of files and of clamd's going and coming, on any thread; stays the caller's.</param>
    public AntivirusSystem(AntivirusSettings settings, IObservationSink events)
    {
        ArgumentNullException.ThrowIfNull(settings);
        Settings = settings;
        _events = events;
        Memory = new MemoryBudget(settings.MemoryLimit);
        _http = new HttpParserConfig(settings.LineLimit, settings.FieldsLimit, inflateLimit: 0);
        var clamd = new ClamdClient(settings.Socket, settings.ScanTimeout);
        Queue = new ScanQueue(new ObjectScanner(clamd, settings.PartsLimit, settings.ObjectLimit), settings.Threads, settings.Queue);
        _health = new ClamdHealth(clamd, events);
    }

    public string Type => "antivirus";

    /// <summary>Names clamd's version and that of its signatures as of now, or says that it is not reached.</summary>
    public string Description => $"clamd at {Settings.Socket}: {_health.Description}";

    /// <summary>Whether clamd answered when it was asked last.</summary>
    public bool IsReady => _health.IsReachable;

    internal AntivirusSettings Settings { get; }

    internal MemoryBudget Memory { get; }

    internal ScanQueue Queue { get; }

    public IStreamInspector Open(in StreamFacts facts) => new AntivirusInspector(this, facts);

    public void Dispose()
    {
        _health.Dispose();
        Queue.Dispose();
        _http.Dispose();
    }

    internal void Observe(Observation observation) => _events.Observe(observation);

    internal IObjectReader MakeReader(AntivirusProtocol protocol, IObjectSink sink) => protocol switch
    {
        AntivirusProtocol.Http => new HttpReader(sink, Settings, _http),
        AntivirusProtocol.Smtp => new SmtpReader(sink, Settings),
        AntivirusProtocol.Imap => new ImapReader(sink, Settings),
        _ => new RawReader(sink),
    };
}
