using System.Globalization;

namespace Tosec.Bench.Lab;

/// <summary>What a process has used so far, by thread, as the kernel's scheduler counts it (nanoseconds, not ticks).</summary>
internal sealed class CpuUse
{
    private readonly Dictionary<string, (long Nanoseconds, long Sleeps)> _threads = [];

    private CpuUse()
    {
    }

    public static CpuUse Read(int process)
    {
        var use = new CpuUse();
        foreach (var thread in Directory.EnumerateDirectories($"/proc/{process}/task"))
        {
            try
            {
                var ran = File.ReadAllText(thread + "/schedstat").Split(' ')[0];
                var sleeps = File.ReadLines(thread + "/status").First(line => line.StartsWith("voluntary_ctxt", StringComparison.Ordinal));
                use._threads.Add(
                    thread,
                    (long.Parse(ran, CultureInfo.InvariantCulture), long.Parse(sleeps.AsSpan(sleeps.IndexOf(':') + 1), CultureInfo.InvariantCulture)));
            }
            catch (IOException)
            {
                // The thread has ended since it was listed; it is not one of those that carry requests.
            }
        }

        return use;
    }

    /// <summary>What was used between the two readings.</summary>
    public (double Microseconds, long Sleeps) Since(CpuUse before)
    {
        long ran = 0;
        long sleeps = 0;
        foreach (var (thread, now) in _threads)
        {
            var then = before._threads.GetValueOrDefault(thread);
            ran += now.Nanoseconds - then.Nanoseconds;
            sleeps += now.Sleeps - then.Sleeps;
        }

        return (ran / 1000.0, sleeps);
    }
}
