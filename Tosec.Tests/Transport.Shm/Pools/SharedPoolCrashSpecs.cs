using Tosec.Tests.Peer;
using Tosec.Tests.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Transport.Shm.Pools;

/// <summary>A process that is killed anywhere in renting, handing over or returning leaves nothing that a survivor cannot take back.</summary>
public sealed class SharedPoolCrashSpecs
{
    [Fact]
    public async Task Reclaim_takes_back_what_a_killed_process_held_and_nothing_else()
    {
        using var host = new GuestHost();
        using var tovm = ProcessAttachment.Connect(host.RunDirectory, host.Identity.Name, "tovm-node", trusted: true);
        var pool = tovm.Memory.SealedPool;
        Assert.True(pool.TryRent(1, Party.Tovm, 9, out var kept));
        var random = new Random(5);
        var reclaimed = 0;
        for (var round = 0; round < 6; round++)
        {
            using var peer = TosecProcess.StartPeer("shm-churn", host.RunDirectory, host.Identity.Name, "waf-node");
            var churning = peer.SaysAsync("churning");
            // We use the same pool meanwhile.
            for (var i = 0; !churning.IsCompleted || i < 2000 + random.Next(20_000); i++)
                Assert.True(ShmPeer.Churn(pool, Party.Tovm, random), "a buffer of ours was another's");
            await churning;

            peer.Kill();

            Assert.All(Enumerable.Range(0, pool.Count), i => Assert.True(pool.Owner(i) is { Free: true } or { Party: 1 or 2 or ShmPeer.Helper }));
            reclaimed += pool.Reclaim(2) + pool.Reclaim(ShmPeer.Helper);
            Assert.All(Enumerable.Range(0, pool.Count), i => Assert.Equal(i != kept.Index, pool.Owner(i).Free));
            Assert.True(pool.IsOwned(kept.Index, kept.Generation, Party.Tovm));
            AssertAllFound(pool.Count - 1);
        }

        // Every buffer is in somebody's hands most of the time, so a kill that left none six times proves nothing.
        Assert.True(reclaimed > 0, "inconclusive: nobody held anything when it was killed");

        void AssertAllFound(int free)
        {
            var found = new List<(int Index, uint Generation)>();
            while (pool.TryRent(1, Party.Tovm, 0, out var buffer))
                found.Add((buffer.Index, buffer.Generation));
            Assert.Equal(free, found.Count);
            Assert.All(found, b => Assert.True(pool.TryReturn(b.Index, b.Generation, Party.Tovm)));
        }
    }
}
