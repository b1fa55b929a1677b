using Tosec.Actors.Inspection;

namespace Tosec.Engines.Counter;

/// <summary>Counts one connection. Written by its worker's thread, read by any.</summary>
internal sealed class CounterInspector(CounterSystem owner) : IStreamInspector
{
    private Counts _outgoing;
    private Counts _incoming;

    public Verdict Inspect(StreamDirection direction, ReadOnlySpan<byte> payload)
    {
        ref var counts = ref CountsOf(direction);
        Volatile.Write(ref counts.Bytes, counts.Bytes + payload.Length);
        Volatile.Write(ref counts.Payloads, counts.Payloads + 1);
        return Verdict.Pass;
    }

    public Verdict End(StreamDirection direction)
    {
        Volatile.Write(ref CountsOf(direction).Ended, 1);
        return Verdict.Pass;
    }

    public Verdict HoldLimit(StreamDirection direction) => Verdict.Pass;

    public void Dispose() => owner.Closed(this);

    internal DirectionTotals Totals(StreamDirection direction)
    {
        ref var counts = ref CountsOf(direction);
        var payloads = Volatile.Read(ref counts.Payloads);
        var ended = Volatile.Read(ref counts.Ended);
        return new DirectionTotals(Volatile.Read(ref counts.Bytes), payloads, payloads + ended > 0 ? 1 : 0, ended);
    }

    private ref Counts CountsOf(StreamDirection direction) =>
        ref direction == StreamDirection.Outgoing ? ref _outgoing : ref _incoming;

    private struct Counts
    {
        public long Bytes;
        public long Payloads;
        public long Ended;
    }
}
