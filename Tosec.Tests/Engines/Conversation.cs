using System.Net;
using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus;

namespace Tosec.Tests.Engines;

/// <summary>
/// One connection through an inspector, as a worker leads it: what is held stays, what is passed is released, a block ends it.
/// </summary>
internal sealed class Conversation : IDisposable
{
    private readonly IStreamInspector _inspector;
    private readonly StreamFacts _facts;
    private readonly Waker _waker = new();
    private readonly MemoryStream[] _held = [new(), new()];
    private readonly MemoryStream[] _released = [new(), new()];

    public Conversation(INetworkSecuritySystem system, StreamDirection initiator = StreamDirection.Incoming)
    {
        _facts = Facts(initiator);
        _inspector = system.Open(_facts);
        (_inspector as IDeferringInspector)?.Attach(_waker);
    }

    /// <summary>Every threat, in order.</summary>
    public List<Threat> Threats { get; } = [];

    /// <summary>Did a block end the connection?</summary>
    public bool Blocked { get; private set; }

    /// <summary>The one threat there is.</summary>
    public Threat Threat => Assert.Single(Threats);

    public string ReleasedToServer => Encoding.Latin1.GetString(_released[(int)_facts.Initiator].ToArray());

    public string ReleasedToClient => Encoding.Latin1.GetString(_released[1 - (int)_facts.Initiator].ToArray());

    public static StreamFacts Facts(StreamDirection initiator) => new(
        4711UL << 1, "guest-7", "web", initiator,
        new IPEndPoint(IPAddress.Parse("10.0.0.7"), 8080), new IPEndPoint(IPAddress.Parse("203.0.113.5"), 51234));

    public VerdictKind Client(string bytes) => Client(Encoding.Latin1.GetBytes(bytes));

    public VerdictKind Client(ReadOnlySpan<byte> bytes) => Give(_facts.Initiator, bytes);

    public VerdictKind Server(string bytes) => Server(Encoding.Latin1.GetBytes(bytes));

    public VerdictKind Server(ReadOnlySpan<byte> bytes) => Give(1 - _facts.Initiator, bytes);

    public VerdictKind ClientEnds() => Take(_facts.Initiator, _inspector.End(_facts.Initiator));

    public VerdictKind ServerEnds() => Take(1 - _facts.Initiator, _inspector.End(1 - _facts.Initiator));

    public VerdictKind ClientHoldLimit() => Take(_facts.Initiator, _inspector.HoldLimit(_facts.Initiator));

    public VerdictKind ServerHoldLimit() => Take(1 - _facts.Initiator, _inspector.HoldLimit(1 - _facts.Initiator));

    public VerdictKind Give(StreamDirection direction, ReadOnlySpan<byte> bytes)
    {
        _held[(int)direction].Write(bytes);
        return Take(direction, _inspector.Inspect(direction, bytes));
    }

    public void Dispose() => _inspector.Dispose();

    /// <summary>The inspector has woken its stream.</summary>
    public VerdictKind Resume(StreamDirection direction) => Take(direction, ((IDeferringInspector)_inspector).Resume(direction));

    /// <summary>Whether a verdict that comes later is waited for, as if it had come at once.</summary>
    public bool Waits { get; set; } = true;

    /// <summary>Why the inspector last could not say.</summary>
    public string? Undecided { get; private set; }

    private VerdictKind Take(StreamDirection direction, Verdict verdict)
    {
        while (Waits && verdict.Kind == VerdictKind.Hold && _inspector is AntivirusInspector scanning && scanning.IsWaiting(direction))
        {
            _waker.Await();
            verdict = scanning.Resume(direction);
        }

        Undecided = verdict.Reason ?? Undecided;
        Assert.Equal(verdict.Kind is VerdictKind.Alert or VerdictKind.Block, verdict.Threat is not null);
        if (verdict.Threat is { } threat && !Blocked) Threats.Add(threat);
        var held = _held[(int)direction];
        switch (verdict.Kind)
        {
            case VerdictKind.Pass or VerdictKind.Alert:
                held.WriteTo(_released[(int)direction]);
                held.SetLength(0);
                break;
            case VerdictKind.Block:
                Blocked = true;
                held.SetLength(0);
                break;
        }

        return verdict.Kind;
    }

    private sealed class Waker : IInspectionWaker
    {
        private readonly SemaphoreSlim _woken = new(0);

        public void Wake() => _woken.Release();

        public void Await() => Assert.True(_woken.Wait(TimeSpan.FromMinutes(2)), "nobody wakes the stream");
    }
}
