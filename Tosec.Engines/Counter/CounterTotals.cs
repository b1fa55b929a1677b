using Tosec.Actors.Inspection;

namespace Tosec.Engines.Counter;

/// <summary>What the pass-through engine has seen since it was made. A snapshot; all numbers only grow.</summary>
/// <param name="Outgoing">From the guests to their peers.</param>
/// <param name="Incoming">From the peers to the guests.</param>
/// <param name="Connections">Inspectors opened.</param>
/// <param name="OpenConnections">Inspectors opened and not yet disposed (the one number that also falls).</param>
public readonly record struct CounterTotals(
    DirectionTotals Outgoing,
    DirectionTotals Incoming,
    long Connections,
    long OpenConnections)
{
    /// <summary>The totals of one direction.</summary>
    public DirectionTotals this[StreamDirection direction] =>
        direction == StreamDirection.Outgoing ? Outgoing : Incoming;
}

/// <summary>Totals of one direction.</summary>
/// <param name="Bytes">Payload bytes.</param>
/// <param name="Payloads">Payloads, empty ones included.</param>
/// <param name="Streams">Streams that have carried a payload or a FIN.</param>
/// <param name="Ended">Streams that have ended with a FIN.</param>
public readonly record struct DirectionTotals(long Bytes, long Payloads, long Streams, long Ended)
{
    public static DirectionTotals operator +(DirectionTotals a, DirectionTotals b) =>
        new(a.Bytes + b.Bytes, a.Payloads + b.Payloads, a.Streams + b.Streams, a.Ended + b.Ended);
}
