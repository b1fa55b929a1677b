using CsCheck;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Rings;

namespace Tosec.Tests.Transport.Shm.Rings;

/// <summary>A lane is a bounded queue whose other end may be hostile or dead.</summary>
public sealed class LaneSpecs
{
    private enum Step
    {
        Publish,
        Consume,
        PeekTwice,
        NewProducer,
        NewConsumer,
    }

    [Fact]
    public void TryPublish_returns_Full_when_the_consumer_is_one_lap_behind()
    {
        using var lane = new LaneMemory(4);
        var producer = lane.Producer();
        var consumer = lane.Consumer();
        for (var n = 0ul; n < 4; n++)
            Assert.Equal(LaneStatus.Done, producer.TryPublish(LaneMemory.Numbered(n)));

        Assert.Equal(LaneStatus.Full, producer.TryPublish(LaneMemory.Numbered(4)));
        Assert.Equal(LaneStatus.Full, producer.TryPublish(LaneMemory.Numbered(4)));

        Assert.Equal(4ul, producer.Tail);
        Assert.Equal(LaneStatus.Done, consumer.TryPeek(out var first));
        Assert.True(LaneMemory.IsNumbered(first, 0));
        Assert.Equal(LaneStatus.Full, producer.TryPublish(LaneMemory.Numbered(4)));
        consumer.Advance();
        Assert.Equal(LaneStatus.Done, producer.TryPublish(LaneMemory.Numbered(4)));
    }

    [Fact]
    public void A_peek_does_not_release_the_slot()
    {
        using var lane = new LaneMemory(2);
        var producer = lane.Producer();
        var consumer = lane.Consumer();
        producer.TryPublish(LaneMemory.Numbered(9));

        Assert.Equal(LaneStatus.Done, consumer.TryPeek(out var once));
        Assert.Equal(LaneStatus.Done, consumer.TryPeek(out var again));

        Assert.True(LaneMemory.IsNumbered(once, 9) && LaneMemory.IsNumbered(again, 9));
        Assert.Equal(0ul, lane.Header.Head);
        Assert.True(consumer.HasNews);
        consumer.Advance();
        Assert.Equal(1ul, lane.Header.Head);
        Assert.False(consumer.HasNews);
        Assert.Equal(LaneStatus.Empty, consumer.TryPeek(out _));
    }

    [Fact]
    public void A_descriptor_that_was_peeked_at_is_a_private_copy()
    {
        using var lane = new LaneMemory(2);
        var producer = lane.Producer();
        var consumer = lane.Consumer();
        producer.TryPublish(LaneMemory.Numbered(1));
        consumer.TryPeek(out var copy);

        lane.Slot(0) = LaneMemory.Numbered(2);

        Assert.True(LaneMemory.IsNumbered(copy, 1));
    }

    [Theory]
    [InlineData(0ul)]
    [InlineData(1ul << 32)]
    [InlineData(ulong.MaxValue - 9)]
    public void It_answers_as_a_bounded_queue_does_whoever_takes_over_its_ends(ulong start)
    {
        Gen.Enum<Step>().List[1, 200].Sample(steps =>
        {
            using var lane = new LaneMemory(8, start);
            var model = new Queue<ulong>();
            var producer = lane.Producer();
            var consumer = lane.Consumer();
            var next = 0ul;
            foreach (var step in steps)
            {
                switch (step)
                {
                    case Step.Publish:
                        var published = producer.TryPublish(LaneMemory.Numbered(next));
                        Assert.Equal(model.Count == 8 ? LaneStatus.Full : LaneStatus.Done, published);
                        if (published == LaneStatus.Done)
                            model.Enqueue(next++);
                        break;
                    case Step.Consume:
                    case Step.PeekTwice:
                        if (step == Step.PeekTwice)
                            _ = consumer.TryPeek(out _);
                        Assert.Equal(model.Count > 0, consumer.HasNews);
                        Assert.Equal(model.Count == 0 ? LaneStatus.Empty : LaneStatus.Done, consumer.TryPeek(out var descriptor));
                        if (model.TryDequeue(out var expected))
                        {
                            Assert.True(LaneMemory.IsNumbered(descriptor, expected));
                            consumer.Advance();
                        }

                        break;
                    case Step.NewProducer:
                        producer = lane.Producer();
                        break;
                    default:
                        consumer = lane.Consumer();
                        break;
                }

                Assert.Equal((ulong)model.Count, lane.Header.Tail - lane.Header.Head);
            }
        });
    }

    [Fact]
    public void What_a_producer_wrote_but_did_not_publish_before_it_died_is_never_seen()
    {
        using var lane = new LaneMemory(4);
        var consumer = lane.Consumer();
        var first = lane.Producer();
        first.TryPublish(LaneMemory.Numbered(0));
        lane.Slot(1) = LaneMemory.Numbered(666);

        var second = lane.Producer();
        Assert.Equal(1ul, second.Tail);
        Assert.True(consumer.TryPeek(out _) == LaneStatus.Done);
        consumer.Advance();
        Assert.Equal(LaneStatus.Empty, consumer.TryPeek(out _));
        second.TryPublish(LaneMemory.Numbered(1));

        Assert.Equal(LaneStatus.Done, consumer.TryPeek(out var descriptor));
        Assert.True(LaneMemory.IsNumbered(descriptor, 1));
    }

    [Theory]
    [InlineData(5ul)]
    [InlineData(1ul << 40)]
    [InlineData(ulong.MaxValue)]
    [InlineData(1ul << 63)]
    public void A_tail_more_than_a_lap_ahead_is_reported_as_corrupt_and_nothing_is_read(ulong ahead)
    {
        using var lane = new LaneMemory(4, start: 100);
        var consumer = lane.Consumer();

        lane.Header.Tail = 100 + ahead;

        Assert.Equal(LaneStatus.Corrupt, consumer.TryPeek(out var descriptor));
        Assert.Equal(default, descriptor);
        Assert.Equal(LaneStatus.Corrupt, consumer.TryPeek(out _));
        Assert.Equal(100ul, lane.Header.Head);
    }

    [Fact]
    public void A_tail_that_goes_back_is_reported_as_corrupt()
    {
        using var lane = new LaneMemory(4, start: 100);
        var producer = lane.Producer();
        var consumer = lane.Consumer();
        producer.TryPublish(LaneMemory.Numbered(1));
        consumer.TryPeek(out _);
        consumer.Advance();

        lane.Header.Tail = 100;

        Assert.Equal(LaneStatus.Corrupt, consumer.TryPeek(out _));
    }

    [Fact]
    public void After_SkipAll_a_lane_goes_on_from_the_producers_tail()
    {
        using var lane = new LaneMemory(4);
        var consumer = lane.Consumer();
        lane.Header.Tail = 1000;
        Assert.Equal(LaneStatus.Corrupt, consumer.TryPeek(out _));

        consumer.SkipAll();

        Assert.Equal(LaneStatus.Empty, consumer.TryPeek(out _));
        var producer = lane.Producer();
        Assert.Equal(LaneStatus.Done, producer.TryPublish(LaneMemory.Numbered(5)));
        Assert.Equal(LaneStatus.Done, consumer.TryPeek(out var descriptor));
        Assert.True(LaneMemory.IsNumbered(descriptor, 5));
    }

    [Theory]
    [InlineData(1ul)]
    [InlineData(1ul << 40)]
    [InlineData(1ul << 63)]
    public void A_head_ahead_of_the_tail_is_reported_to_the_producer(ulong ahead)
    {
        using var lane = new LaneMemory(4, start: 100);
        var producer = lane.Producer();
        for (var n = 0ul; n < 4; n++)
            producer.TryPublish(LaneMemory.Numbered(n));

        lane.Header.Head = 104 + ahead;

        Assert.Equal(LaneStatus.Corrupt, producer.TryPublish(LaneMemory.Numbered(4)));
        Assert.Equal(LaneStatus.Corrupt, lane.Producer().TryPublish(LaneMemory.Numbered(4)));
        Assert.Equal(104ul, lane.Header.Tail);
    }

    [Fact]
    public void A_head_that_goes_back_by_more_than_a_lap_is_reported_to_the_producer()
    {
        using var lane = new LaneMemory(4, start: 100);
        var producer = lane.Producer();
        for (var n = 0ul; n < 4; n++)
            producer.TryPublish(LaneMemory.Numbered(n));

        lane.Header.Head = 99;

        Assert.Equal(LaneStatus.Corrupt, producer.TryPublish(LaneMemory.Numbered(4)));
    }

    [Fact]
    public void Whatever_lies_in_the_header_neither_end_fails()
    {
        using var lane = new LaneMemory(16);
        Gen.Select(Gen.ULong, Gen.ULong, Gen.Int[0, 3]).Sample((tail, head, near) =>
        {
            lane.Header.Tail = tail;
            lane.Header.Head = near == 0 ? head : tail - (head & 31);
            var producer = lane.Producer();
            var consumer = lane.Consumer();
            for (var i = 0; i < 40; i++)
            {
                producer.TryPublish(LaneMemory.Numbered((ulong)i));
                if (consumer.TryPeek(out _) == LaneStatus.Done)
                    consumer.Advance();
            }

            return lane.Header.Tail == producer.Tail;
        }, threads: 1);
    }

    [Fact]
    public unsafe void A_receive_ring_writer_goes_on_where_the_last_one_ended()
    {
        using var guest = new SharedGuest();
        using var memory = guest.OpenTrusted();
        var first = memory.RingWriter(3);
        for (var i = 0u; i < 70; i++)
            first.Publish(ReceiveEntryKind.Data, i * 10, i);

        var second = memory.RingWriter(3);
        second.Publish(ReceiveEntryKind.Fin, 1, 2);

        Assert.Equal(71ul, memory.State(3).ReceiveTail);
        Assert.Equal((690ul, 69u), (memory.Ring(3)[69 & 63].Offset, memory.Ring(3)[69 & 63].Length));
        Assert.Equal((1ul, 2u, (uint)ReceiveEntryKind.Fin), (memory.Ring(3)[70 & 63].Offset, memory.Ring(3)[70 & 63].Length, memory.Ring(3)[70 & 63].Kind));
        Assert.Equal(0ul, memory.State(2).ReceiveTail);
        Assert.Equal(0ul, memory.State(4).ReceiveTail);
    }
}
