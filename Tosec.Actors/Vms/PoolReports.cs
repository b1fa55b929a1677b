using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Actors.Vms;

/// <summary>Reads the ownership tables for listings. Any thread; a snapshot that others change meanwhile.</summary>
internal static class PoolReports
{
    public static IEnumerable<PoolReport> Of(GuestMemory memory)
    {
        if (!memory.HasCore)
            return [];
        var names = memory.Parties().ToDictionary(p => p.Number, p => p.Name);
        return [.. Of(memory, "sealed", memory.SealedPool, names), .. Of(memory, "receive", memory.ReceivePool, names)];
    }

    private static IEnumerable<PoolReport> Of(GuestMemory memory, string name, SharedPool pool, Dictionary<int, string> names)
    {
        var classes = new[] { GuestGeometry.SmallBuffer, GuestGeometry.LargeBuffer };
        foreach (var size in classes)
        {
            var buffers = 0;
            var owners = new SortedDictionary<string, int>(StringComparer.Ordinal);
            for (var i = 0; i < pool.Count; i++)
            {
                if (pool.Capacity(i) != size)
                    continue;
                buffers++;
                var owner = pool.Owner(i);
                if (owner.Free)
                    continue;
                var party = names.GetValueOrDefault(owner.Party, $"party {owner.Party}");
                owners[party] = owners.GetValueOrDefault(party) + 1;
            }

            yield return new PoolReport(memory.Guest.Name, name, $"{size / 1024} KiB", buffers, owners.Values.Sum(), owners);
        }
    }
}
