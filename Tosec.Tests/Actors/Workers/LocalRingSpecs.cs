using CsCheck;
using Tosec.Actors.Workers;

namespace Tosec.Tests.Actors.Workers;

public class LocalRingSpecs
{
    [Fact]
    public void It_answers_as_a_queue_does()
    {
        // Runs of enqueues and dequeues of every length, so that the ring wraps, grows while wrapped, and runs empty.
        Gen.Int[-20, 20].List[0, 200].Sample(runs =>
        {
            var ring = new LocalRing<int>(keptCapacity: 8);
            var model = new Queue<int>();
            var next = 0;
            foreach (var run in runs)
            {
                for (var i = 0; i < Math.Abs(run); i++)
                {
                    if (run > 0)
                    {
                        ring.Enqueue(next);
                        model.Enqueue(next++);
                    }
                    else if (ring.TryDequeue(out var got) != model.TryDequeue(out var expected) || got != expected)
                        return false;
                }

                if (ring.Count != model.Count || ring.IsEmpty != (model.Count == 0))
                    return false;
            }

            return true;
        });
    }

    [Fact]
    public void A_taken_item_is_not_kept_alive()
    {
        var ring = new LocalRing<object>(keptCapacity: 8);
        var taken = EnqueueAndTake(ref ring);

        GC.Collect();

        Assert.False(taken.IsAlive);
        Assert.True(ring.IsEmpty);
    }

    [System.Runtime.CompilerServices.MethodImpl(System.Runtime.CompilerServices.MethodImplOptions.NoInlining)]
    private static WeakReference EnqueueAndTake(ref LocalRing<object> ring)
    {
        var item = new object();
        ring.Enqueue(item);
        Assert.True(ring.TryDequeue(out _));
        return new WeakReference(item);
    }
}
