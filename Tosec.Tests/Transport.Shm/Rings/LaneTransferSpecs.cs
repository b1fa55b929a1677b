using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Rings;

namespace Tosec.Tests.Transport.Shm.Rings;

/// <summary>Real threads at both ends: everything arrives once, whole and in order.</summary>
public sealed class LaneTransferSpecs
{
    private static readonly TimeSpan _hangGuard = TimeSpan.FromSeconds(120);

    [Theory]
    [InlineData(1, 200_000)]
    [InlineData(2, 500_000)]
    [InlineData(GuestGeometry.EdgeLaneSlots, 3_000_000)]
    [InlineData(GuestGeometry.CoreLaneSlots, 3_000_000)]
    public void Millions_of_descriptors_arrive_once_whole_and_in_order(int capacity, int count)
    {
        using var lane = new LaneMemory(capacity, start: ulong.MaxValue - (ulong)(count / 2));
        var producing = RunAside(stop =>
        {
            var producer = lane.Producer();
            for (var n = 0ul; n < (ulong)count; n++)
            {
                LaneStatus status;
                while ((status = producer.TryPublish(LaneMemory.Numbered(n))) == LaneStatus.Full)
                {
                    if (stop())
                        return;
                    Thread.Yield();
                }

                Assert.Equal(LaneStatus.Done, status);
            }
        });

        var consumer = lane.Consumer();
        for (var n = 0ul; n < (ulong)count; n++)
            Assert.Equal(n, Next(ref consumer, n, producing));

        producing.End();
        Assert.Equal(LaneStatus.Empty, consumer.TryPeek(out _));
    }

    [Fact]
    public void A_producer_that_takes_over_again_and_again_loses_and_repeats_nothing()
    {
        const int Count = 500_000;
        using var lane = new LaneMemory(GuestGeometry.EdgeLaneSlots);
        var producing = RunAside(stop =>
        {
            var producer = lane.Producer();
            for (var n = 0ul; n < Count; n++)
            {
                if (n % 37 == 0)
                {
                    // The one before died in the middle of a write.
                    if (lane.Header.Tail - Volatile.Read(ref lane.Header.Head) < GuestGeometry.EdgeLaneSlots)
                        lane.Slot(lane.Header.Tail) = LaneMemory.Numbered(n + 12345);
                    producer = lane.Producer();
                }

                while (producer.TryPublish(LaneMemory.Numbered(n)) == LaneStatus.Full)
                {
                    if (stop())
                        return;
                    Thread.Yield();
                }
            }
        });

        var consumer = lane.Consumer();
        for (var n = 0ul; n < Count; n++)
        {
            if (n % 41 == 0)
                consumer = lane.Consumer();
            Assert.Equal(n, Next(ref consumer, n, producing));
        }

        producing.End();
    }

    [Fact]
    public void A_producer_that_publishes_before_it_writes_is_caught_by_the_same_check()
    {
        using var lane = new LaneMemory(GuestGeometry.EdgeLaneSlots);
        var producing = RunAside(stop =>
        {
            for (var n = 0ul; !stop(); n++)
            {
                while (n - Volatile.Read(ref lane.Header.Head) >= GuestGeometry.EdgeLaneSlots)
                {
                    if (stop())
                        return;
                    Thread.Yield();
                }

                Volatile.Write(ref lane.Header.Tail, n + 1);
                lane.Slot(n) = LaneMemory.Numbered(n);
            }
        });

        var caught = false;
        var consumer = lane.Consumer();
        var guard = Environment.TickCount64 + (long)_hangGuard.TotalMilliseconds;
        for (var n = 0ul; !caught && Environment.TickCount64 < guard; n++)
        {
            while (consumer.TryPeek(out _) != LaneStatus.Done && Environment.TickCount64 < guard)
                Thread.SpinWait(1);
            consumer.TryPeek(out var descriptor);
            caught = !LaneMemory.IsNumbered(descriptor, n);
            consumer.Advance();
        }

        producing.Stop();
        Assert.True(caught, "inconclusive: the broken producer was not caught");
    }

    private static ulong Next(ref LaneConsumer consumer, ulong expected, Aside producing)
    {
        LaneStatus status;
        Descriptor descriptor;
        while ((status = consumer.TryPeek(out descriptor)) == LaneStatus.Empty)
        {
            producing.Check();
            Thread.Yield();
        }

        Assert.Equal(LaneStatus.Done, status);
        if (!LaneMemory.IsNumbered(descriptor, expected))
            Assert.Fail($"descriptor {expected} has the content of {descriptor.Sequence}, or is torn");
        consumer.Advance();
        return descriptor.Sequence;
    }

    private static Aside RunAside(Action<Func<bool>> work) => new(work);

    /// <summary>A thread whose failure is seen here.</summary>
    private sealed class Aside
    {
        private readonly Thread _thread;
        private readonly long _guard = Environment.TickCount64 + (long)_hangGuard.TotalMilliseconds;
        private volatile Exception? _failed;
        private volatile bool _stop;

        public Aside(Action<Func<bool>> work)
        {
            _thread = new Thread(() =>
            {
                try
                {
                    work(() => _stop || Environment.TickCount64 > _guard);
                }
                catch (Exception e)
                {
                    _failed = e;
                }
            });
            _thread.Start();
        }

        public void Check()
        {
            if (_failed is { } failed)
                throw failed;
            if (Environment.TickCount64 > _guard)
                throw new TimeoutException("the other end does not go on");
        }

        public void End()
        {
            Assert.True(_thread.Join(_hangGuard));
            Check();
        }

        public void Stop()
        {
            _stop = true;
            End();
        }
    }
}
