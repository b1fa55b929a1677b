using Akka.Actor;
using Akka.Dispatch.MessageQueues;
using Tosec.Actors.Workers;

namespace Tosec.Tests.Actors.Workers;

public sealed class WorkerMessageQueueSpecs : IDisposable
{
    private readonly WorkerHarness _harness = new();

    public void Dispose() => _harness.Dispose();

    [Fact]
    public void Before_it_is_bound_every_message_is_taken_in_order()
    {
        var queue = new WorkerMessageQueue();

        Put(queue, 1);
        Put(queue, 2);

        Assert.True(queue.HasMessages);
        Assert.Equal(2, queue.Count);
        Assert.Equal([1, 2], Drain(queue));
        Assert.False(queue.HasMessages);
    }

    [Fact]
    public void A_message_of_the_own_thread_does_not_overtake_its_earlier_one_that_another_thread_brought()
    {
        var queue = new WorkerMessageQueue();
        var loop = _harness.Loop();
        // As happens to a message for an actor that is not started yet: its guardian's thread puts it into the mailbox.
        Put(queue, 1);
        queue.BindTo(loop);

        Assert.Equal([1, 2, 3], WorkerHarness.On(loop, () =>
        {
            Put(queue, 2);
            Put(queue, 3);
            return Drain(queue);
        }));
    }

    [Fact]
    public void Messages_of_other_threads_are_not_starved_by_those_of_the_own_thread()
    {
        var queue = new WorkerMessageQueue();
        var loop = _harness.Loop();
        queue.BindTo(loop);

        Assert.Equal([1, 2, 3, 4, 5], WorkerHarness.On(loop, () =>
        {
            Put(queue, 1);
            Put(queue, 2);
            OnAnotherThread(() => Put(queue, 3));
            Put(queue, 4);
            Put(queue, 5);
            return Drain(queue);
        }));
    }

    [Fact]
    public void CleanUp_moves_what_is_left_of_both_kinds_in_order()
    {
        var queue = new WorkerMessageQueue();
        var loop = _harness.Loop();
        var dead = new UnboundedMessageQueue();
        queue.BindTo(loop);

        WorkerHarness.On(loop, () =>
        {
            Put(queue, 1);
            OnAnotherThread(() => Put(queue, 2));
            queue.CleanUp(ActorRefs.Nobody, dead);
        });

        Assert.False(queue.HasMessages);
        Assert.Equal([1, 2], Drain(dead));
    }

    private static void Put(IMessageQueue queue, int message) =>
        queue.Enqueue(ActorRefs.Nobody, new Envelope(message, ActorRefs.NoSender));

    private static int[] Drain(IMessageQueue queue)
    {
        var drained = new List<int>();
        while (queue.TryDequeue(out var envelope))
            drained.Add((int)envelope.Message);
        return [.. drained];
    }

    private static void OnAnotherThread(Action work)
    {
        var thread = new Thread(() => work());
        thread.Start();
        thread.Join();
    }
}
