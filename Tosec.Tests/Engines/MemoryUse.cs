using System.Runtime.InteropServices;

namespace Tosec.Tests.Engines;

/// <summary>Memory that the process has in use, exactly: what lives on the managed heap, and what libraries have from <c>malloc</c>.</summary>
internal static partial class MemoryUse
{
    /// <summary>Bytes, after collecting what nobody uses. Means something only while nothing else runs.</summary>
    public static long Now()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        var managed = GC.GetTotalMemory(forceFullCollection: false);
        var native = MallInfo2();
        return managed + (long)native.InUse + (long)native.Mapped;
    }

    /// <summary>
    /// Asserts that rounds of the same work leave nothing behind. The runtime takes memory of its own when it wants to; a leak grows in
    /// every round.
    /// </summary>
    public static async Task AssertStays(Func<Task> round)
    {
        const int Rounds = 12;
        const long Slack = 64 * 1024;
        var growths = new List<long>();
        await round();
        for (var i = 0; i < Rounds; i++)
        {
            var before = Now();
            await round();
            growths.Add(Now() - before);
            if (growths.Count > 1 && Math.Abs(growths[^1]) <= Slack && growths[^2] <= Slack) return;
        }

        Assert.Fail($"growth in each round: {string.Join(' ', growths)}");
    }

    [LibraryImport("libc", EntryPoint = "mallinfo2")]
    private static partial MallInfo MallInfo2();

    // struct mallinfo2 of malloc.h: sums over all arenas.
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct MallInfo
    {
        private readonly nuint _arena;
        private readonly nuint _ordblks;
        private readonly nuint _smblks;
        private readonly nuint _hblks;
        public readonly nuint Mapped;
        private readonly nuint _usmblks;
        private readonly nuint _fsmblks;
        public readonly nuint InUse;
        private readonly nuint _fordblks;
        private readonly nuint _keepcost;
    }
}
