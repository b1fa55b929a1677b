using System.Net;
using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus;

namespace Tosec.Tests.Engines;

/// <summary>
/// One connection through an inspector, as a worker leads it: what is held stays, what is passed is released, a block ends it.
/// </summary>
public sealed class Conversation : IDisposable
{
    private readonly IStreamInspector _inspector;
    private readonly StreamFacts _facts;
    private readonly Waker _waker = new();
    private readonly MemoryStream[] _held = [new(), new()];
    private readonly MemoryStream[] _released = [new(), new()];

    public Conversation(INetworkSecuritySystem system, StreamDirection initiator = StreamDirection.Incoming, int? serverPort = null)
        : this(system, Facts(initiator, serverPort))
    {
    }

    public Conversation(INetworkSecuritySystem system, StreamFacts facts)
    {
        _facts = facts;
        _inspector = system.Open(_facts);
        (_inspector as IDeferringInspector)?.Attach(_waker);
    }

    /// <summary>Every threat, in order.</summary>
    public List<Threat> Threats { get; } = [];

    /// <summary>The rules of all threats, in the order of their numbers.</summary>
    public long[] Signatures =>
        [.. Threats.SelectMany(threat => (IEnumerable<Threat>)[threat, .. threat.Others]).Select(threat => threat.SignatureId).Order()];

    /// <summary>Did a block end the connection?</summary>
    public bool Blocked { get; private set; }

    /// <summary>The one threat there is.</summary>
    public Threat Threat => Assert.Single(Threats);

    public string ReleasedToServer => Encoding.Latin1.GetString(_released[(int)_facts.Initiator].ToArray());

    public string ReleasedToClient => Encoding.Latin1.GetString(_released[1 - (int)_facts.Initiator].ToArray());

    public static StreamFacts Facts(StreamDirection initiator, int? serverPort = null)
    {
        var port = initiator == StreamDirection.Incoming ? (Guest: serverPort ?? 8080, Peer: 51234) : (Guest: 8080, Peer: serverPort ?? 51234);
        return new StreamFacts(
            4711UL << 1, "guest-7", "web", initiator,
            new IPEndPoint(IPAddress.Parse("10.0.0.7"), port.Guest), new IPEndPoint(IPAddress.Parse("203.0.113.5"), port.Peer));
    }

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
        var kind = Take(direction, _inspector.Inspect(direction, bytes));
        var other = 1 - direction;
        if (!Blocked && _held[(int)other].Length > 0) Take(other, _inspector.Inspect(other, default));
        return kind;
    }

    public void Dispose() => _inspector.Dispose();

    /// <summary>The inspector has woken its stream.</summary>
    public VerdictKind Resume(StreamDirection direction) => Take(direction, ((IDeferringInspector)_inspector).Resume(direction));

    /// <summary>Whether a verdict that comes later is waited for, as if it had come at once.</summary>
    public bool Waits { get; set; } = true;

    /// <summary>Why the inspector last could not say.</summary>
    public string? Undecided { get; private set; }

    // A verdict on a part is followed by asking for the rest, and the last verdict is what counts.
    private VerdictKind Take(StreamDirection direction, Verdict verdict)
    {
        verdict = Later(direction, verdict);
        var held = _held[(int)direction];
        while (verdict.Kind is VerdictKind.Release or VerdictKind.Cut)
        {
            Assert.InRange(verdict.Count, 1, held.Length);
            if ((verdict.Threat ?? verdict.Edit?.Threat) is { } reported) Threats.Add(reported);
            var bytes = held.ToArray();
            held.SetLength(0);
            held.Write(bytes.AsSpan(verdict.Count));
            if (verdict.Edit is { } edit)
            {
                Assert.InRange(edit.Replacement.Length, 0, verdict.Count);
                Assert.InRange(edit.Answer.Length, 0, StreamEdit.MaxAnswer);
                _released[(int)direction].Write(edit.Replacement.Span);
                _released[1 - (int)direction].Write(edit.Answer.Span);
            }
            else
            {
                _released[(int)direction].Write(bytes.AsSpan(0, verdict.Count));
            }

            if (held.Length == 0) return VerdictKind.Pass;
            verdict = Later(direction, _inspector.Inspect(direction, default));
        }

        Undecided = verdict.Reason ?? Undecided;
        Assert.Equal(verdict.Kind is VerdictKind.Alert or VerdictKind.Block, verdict.Threat is not null);
        if (verdict.Threat is { } threat && !Blocked) Threats.Add(threat);
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

    private Verdict Later(StreamDirection direction, Verdict verdict)
    {
        while (Waits && verdict.Kind == VerdictKind.Hold && _inspector is AntivirusInspector scanning && scanning.IsWaiting(direction))
        {
            _waker.Await();
            verdict = scanning.Resume(direction);
        }

        return verdict;
    }

    private sealed class Waker : IInspectionWaker
    {
        private readonly SemaphoreSlim _woken = new(0);

        public void Wake() => _woken.Release();

        public void Await() => Assert.True(_woken.Wait(TimeSpan.FromMinutes(2)), "nobody wakes the stream");
    }
}
