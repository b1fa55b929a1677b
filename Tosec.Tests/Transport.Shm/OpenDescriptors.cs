namespace Tosec.Tests.Transport.Shm;

/// <summary>Test classes that count the descriptors of the whole process: nothing else runs meanwhile.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class CountsDescriptors
{
    public const string Name = "counts descriptors";
}

/// <summary>What this process holds open.</summary>
internal static class OpenDescriptors
{
    public static int Count() => Targets().Count;

    /// <summary>Descriptors and mappings of a guest's segments.</summary>
    public static int OfGuest(string guest) => Targets().Count(t => t.Contains($"memfd:tosec-{guest}-", StringComparison.Ordinal))
        + File.ReadLines("/proc/self/maps").Count(l => l.Contains($"memfd:tosec-{guest}-", StringComparison.Ordinal));

    /// <summary>Runs something many times; afterwards no more is open than after the first times.</summary>
    public static void AssertNoneLeft(Action action)
    {
        const int Rounds = 20;
        action();
        var before = Count();
        for (var i = 0; i < Rounds; i++)
            action();
        // The runtime opens a few of its own now and then; a leak would be one a round.
        Assert.InRange(Count() - before, int.MinValue, Rounds / 2);
    }

    private static List<string> Targets()
    {
        var targets = new List<string>();
        foreach (var entry in new DirectoryInfo("/proc/self/fd").EnumerateFileSystemInfos())
        {
            try
            {
                if (entry.LinkTarget is { } target)
                    targets.Add(target);
            }
            catch (IOException)
            {
                // Closed meanwhile: then it is not open.
            }
        }

        return targets;
    }
}
