using Tosec.Actors.Inspection;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Actors.Svm;

/// <summary>No worker allocates for a descriptor: each lets go of one in well under a microsecond, and a collection stops them all.</summary>
[Collection(SiteCollection.Name)]
public sealed class AllocationSpecs
{
    private const int Descriptors = 100_000;

    // What a tick, or a queue that doubles once more, may take. A single byte for each descriptor would be 100,000.
    private const long Slack = 20_000;

    [Fact]
    public void What_goes_out_allocates_nothing_for_a_descriptor()
    {
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var reading = Task.Run(() => Discard(peer));
        var payload = new byte[200];
        Measure(site, () =>
        {
            for (var n = 0; n < Descriptors; n++)
                WorkerHarness.Until(() => socket.TrySend(payload));
        });
        socket.Finish();
        WorkerHarness.Until(() => reading.IsCompleted);
        peer.Dispose();
    }

    [Fact]
    public void What_comes_in_allocates_nothing_for_a_descriptor()
    {
        using var site = Site();
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        peer.NoDelay = true;
        using var stop = new CancellationTokenSource();
        var sending = Task.Run(() => Flood(peer, stop.Token));
        Measure(site, () =>
        {
            for (var n = 0; n < Descriptors; n++)
            {
                WorkerHarness.Until(() => socket.HasEntry);
                socket.Advance();
            }
        });
        stop.Cancel();
        WorkerHarness.Until(() =>
        {
            if (socket.HasEntry)
                socket.Advance();
            return sending.IsCompleted;
        });
        peer.Dispose();
    }

    private static void Measure(TestSite site, Action transfer)
    {
        // Once for everything that is made at first use, and once more for what a tiered method allocates while it is replaced.
        transfer();
        var vms = new[] { "svm-0", "svm-1", "tovm" };
        var allocated = long.MaxValue;
        for (var attempt = 0; attempt < 3 && allocated > Slack; attempt++)
        {
            var before = vms.Select(v => Allocated(site, v)).ToArray();
            transfer();
            allocated = vms.Select((v, i) => Allocated(site, v) - before[i]).Max();
        }

        Assert.InRange(allocated, 0, Slack);
    }

    private static long Allocated(TestSite site, string vm) => WorkerHarness.On(site.Loop(vm), GC.GetAllocatedBytesForCurrentThread);

    private static void Discard(System.Net.Sockets.Socket socket)
    {
        var buffer = new byte[1 << 16];
        while (socket.Receive(buffer) > 0)
        {
        }
    }

    private static void Flood(System.Net.Sockets.Socket socket, CancellationToken stop)
    {
        var bytes = new byte[500];
        while (!stop.IsCancellationRequested)
            socket.Send(bytes);
    }

    private static TestSite Site() => new(new TestSiteOptions { Engines = [new TestEngine("a"), new TestEngine("b")] });
}
