using System.Runtime.InteropServices;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Tests.Peer;

/// <summary>
/// <c>dotnet Tosec.Tests.dll shm-hold|shm-churn RUN GUEST NODE</c>: a party of its own process, to be killed. Says "attached" on stderr,
/// and ends by itself only when the host is gone. <c>shm-churn</c> rents, hands over and returns sealed buffers all the while, in its own
/// name and in that of party 3.
/// </summary>
internal static class ShmPeer
{
    public const int Helper = 3;

    public static bool IsMeant(string[] args) => args.Length == 4 && args[0] is "shm-hold" or "shm-churn";

    public static int Run(string[] args)
    {
        using var attachment = ProcessAttachment.Connect(args[1], args[2], args[3], trusted: true);
        Console.Error.WriteLine("attached");
        using var epoll = Epoll.Create();
        epoll.Add(((IGuestAttachment)attachment).HostDescriptor, Epoll.EPOLLIN, 1);
        var events = new EpollEvent[1];
        if (args[0] == "shm-hold")
        {
            epoll.Wait(events, -1);
            return 0;
        }

        var random = new Random();
        var rounds = 0;
        while (epoll.Wait(events, 0) == 0)
        {
            for (var i = 0; i < 1000; i++)
            {
                if (!Churn(attachment.Memory.SealedPool, attachment.Party, random))
                {
                    Console.Error.WriteLine("a buffer of mine was another's");
                    return 1;
                }
            }

            if (++rounds == 3)
                Console.Error.WriteLine("churning");
        }

        return 0;
    }

    /// <summary>Takes a few buffers, stamps them, hands them over and back, looks at the stamps and returns them.</summary>
    /// <returns>False: somebody else had one of them at the same time.</returns>
    public static bool Churn(SharedPool pool, int party, Random random)
    {
        var held = new List<(PoolBuffer Buffer, ulong Stamp)>();
        for (var n = random.Next(1, 6); n > 0 && pool.TryRent(random.Next(1, 4000), party, n, out var buffer); n--)
        {
            held.Add((buffer, (ulong)random.NextInt64()));
            First(pool, buffer) = held[^1].Stamp;
        }

        var holds = true;
        foreach (var (buffer, stamp) in held)
        {
            holds &= party == 1
                || (pool.TryTransfer(buffer.Index, buffer.Generation, party, Helper) && pool.TryTransfer(buffer.Index, buffer.Generation, Helper, party));
            holds &= First(pool, buffer) == stamp;
            holds &= pool.TryReturn(buffer.Index, buffer.Generation, party);
        }

        return holds;
    }

    private static ref ulong First(SharedPool pool, PoolBuffer buffer) => ref MemoryMarshal.AsRef<ulong>(pool.View(buffer.Offset, 8));
}
