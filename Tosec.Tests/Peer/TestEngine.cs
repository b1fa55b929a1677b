using System.Collections.Concurrent;
using Tosec.Actors.Inspection;

namespace Tosec.Tests.Peer;

/// <summary>Judges a payload; the span is what the engine is given, where it lies.</summary>
internal delegate Verdict TestVerdict(TestInspector inspector, StreamDirection direction, ReadOnlySpan<byte> payload);

/// <summary>A network security system whose verdicts the test gives, and which remembers where it was pointed at.</summary>
internal sealed class TestEngine(string type) : INetworkSecuritySystem
{
    public string Type { get; } = type;

    public string Description => "a test's";

    /// <summary>Asked for each payload; passes unless the test sets another.</summary>
    public TestVerdict OnInspect { get; set; } = static (_, _, _) => Verdict.Pass;

    public TestVerdict OnEnd { get; set; } = static (_, _, _) => Verdict.Pass;

    public TestVerdict OnHoldLimit { get; set; } = static (_, _, _) => Verdict.Hold;

    public Action<StreamFacts> OnOpen { get; set; } = static _ => { };

    public ConcurrentQueue<TestInspector> Opened { get; } = new();

    public IStreamInspector Open(in StreamFacts facts)
    {
        OnOpen(facts);
        var inspector = new TestInspector(this, facts);
        Opened.Enqueue(inspector);
        return inspector;
    }

    public void Dispose()
    {
    }

    /// <summary>Holds until the whole of a direction's payload ends with the byte, then passes.</summary>
    public static TestVerdict HoldUntil(byte last) => (_, _, payload) => payload[^1] == last ? Verdict.Pass : Verdict.Hold;

    /// <summary>Blocks the payload that has the text in it.</summary>
    public static TestVerdict BlockOn(string text, string answer = "") => (_, _, payload) =>
        payload.IndexOf(System.Text.Encoding.ASCII.GetBytes(text)) >= 0 ? Verdict.Block(Threat(answer)) : Verdict.Pass;

    public static Threat Threat(string answer = "") => new()
    {
        SignatureId = 4711,
        Signature = "found by a test",
        Category = "test",
        Severity = 1,
        Answer = System.Text.Encoding.ASCII.GetBytes(answer),
    };
}

/// <summary>Where an engine was pointed at.</summary>
internal readonly record struct SeenSpan(StreamDirection Direction, nint Address, int Length, byte First);

/// <summary>One connection at a <see cref="TestEngine"/>.</summary>
internal sealed unsafe class TestInspector(TestEngine engine, StreamFacts facts) : IStreamInspector
{
    public StreamFacts Facts { get; } = facts;

    /// <summary>Set to remember each span; off by default, because it allocates.</summary>
    public ConcurrentQueue<SeenSpan> Seen { get; } = new();

    public long Bytes;
    public int Disposals;

    public Verdict Inspect(StreamDirection direction, ReadOnlySpan<byte> payload)
    {
        Interlocked.Add(ref Bytes, payload.Length);
        return engine.OnInspect(this, direction, payload);
    }

    public Verdict End(StreamDirection direction) => engine.OnEnd(this, direction, default);

    public Verdict HoldLimit(StreamDirection direction) => engine.OnHoldLimit(this, direction, default);

    public void Remember(StreamDirection direction, ReadOnlySpan<byte> payload)
    {
        fixed (byte* first = payload)
            Seen.Enqueue(new SeenSpan(direction, (nint)first, payload.Length, payload[0]));
    }

    public void Dispose() => Interlocked.Increment(ref Disposals);
}

/// <summary>What a test's SVMs have reported.</summary>
internal sealed class TestThreats : IThreatSink
{
    public ConcurrentQueue<(ulong ConnectionId, StreamDirection Direction, bool Blocked, Threat Threat)> Reports { get; } = new();

    /// <summary>Called before a report is kept.</summary>
    public Action OnReport { get; set; } = static () => { };

    public void Report(in StreamFacts facts, StreamDirection direction, bool blocked, Threat threat)
    {
        OnReport();
        Reports.Enqueue((facts.ConnectionId, direction, blocked, threat));
    }
}
