using Tosec.Actors.Inspection;
using Tosec.Engines.Counter;

namespace Tosec.Tests.Engines.Counter;

public sealed class CounterSpecs
{
    [Fact]
    public void Bytes_payloads_and_streams_are_counted_by_direction()
    {
        using var system = new CounterSystem();
        using (var first = system.Open(Conversation.Facts(StreamDirection.Incoming)))
        using (var second = system.Open(Conversation.Facts(StreamDirection.Outgoing)))
        {
            first.Inspect(StreamDirection.Incoming, new byte[10]);
            first.Inspect(StreamDirection.Incoming, new byte[5]);
            first.Inspect(StreamDirection.Outgoing, new byte[100]);
            first.End(StreamDirection.Outgoing);
            second.Inspect(StreamDirection.Outgoing, new byte[1]);
            Assert.Equal(
                new CounterTotals(new DirectionTotals(101, 2, 2, 1), new DirectionTotals(15, 2, 1, 0), 2, 2), system.Totals);
        }

        Assert.Equal(new CounterTotals(new DirectionTotals(101, 2, 2, 1), new DirectionTotals(15, 2, 1, 0), 2, 0), system.Totals);
    }

    [Fact]
    public void A_payload_allocates_nothing()
    {
        using var system = new CounterSystem();
        using var inspector = system.Open(Conversation.Facts(StreamDirection.Incoming));
        var payload = new byte[64];
        inspector.Inspect(StreamDirection.Incoming, payload);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++) inspector.Inspect(StreamDirection.Incoming, payload);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
