using Tosec.Actors.Inspection;

namespace Tosec.Engines.Counter;

/// <summary>
/// The pass-through engine, type <c>counter</c>: lets everything pass and counts it. The floor of every measurement, and the
/// engine of a chain that only wants to know.
/// </summary>
/// <remarks>
/// An inspector counts into fields of its own, written by its worker only, so payloads cost no shared cache line; the lock is
/// taken when connections open and end and when somebody asks for the totals.
/// </remarks>
public sealed class CounterSystem : INetworkSecuritySystem
{
    private readonly Lock _lock = new();
    private readonly HashSet<CounterInspector> _open = [];
    private DirectionTotals _closedOutgoing;
    private DirectionTotals _closedIncoming;
    private long _connections;

    public string Type => "counter";

    public string Description => "pass-through counter";

    /// <summary>The totals of now. Any thread; a payload being counted meanwhile may be in them or not.</summary>
    public CounterTotals Totals
    {
        get
        {
            lock (_lock)
            {
                var outgoing = _closedOutgoing;
                var incoming = _closedIncoming;
                foreach (var inspector in _open)
                {
                    outgoing += inspector.Totals(StreamDirection.Outgoing);
                    incoming += inspector.Totals(StreamDirection.Incoming);
                }

                return new CounterTotals(outgoing, incoming, _connections, _open.Count);
            }
        }
    }

    public IStreamInspector Open(in StreamFacts facts)
    {
        var inspector = new CounterInspector(this);
        lock (_lock)
        {
            _connections++;
            _open.Add(inspector);
        }

        return inspector;
    }

    /// <summary>Nothing to release; the totals stay readable.</summary>
    public void Dispose()
    {
    }

    internal void Closed(CounterInspector inspector)
    {
        lock (_lock)
        {
            if (!_open.Remove(inspector)) return;
            _closedOutgoing += inspector.Totals(StreamDirection.Outgoing);
            _closedIncoming += inspector.Totals(StreamDirection.Incoming);
        }
    }
}
