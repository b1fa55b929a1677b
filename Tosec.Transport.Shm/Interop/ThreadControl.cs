using System.Runtime.InteropServices;

namespace Tosec.Transport.Shm.Interop;

/// <summary>What the kernel knows about the calling thread. Meaningful for dedicated threads only; pool threads are shared.</summary>
internal static unsafe partial class ThreadControl
{
    /// <summary>How many CPUs a mask here can name; larger machines are not pinned beyond it.</summary>
    internal const int MaxCpus = 1024;

    /// <summary>The kernel's number of the calling thread, as <c>/proc</c> and <c>perf</c> show it.</summary>
    public static int CurrentThreadId => GetThreadId();

    /// <summary>Lets the calling thread run on one CPU only, until it is said otherwise.</summary>
    /// <param name="cpu">The kernel's CPU number, from 0.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="cpu"/> is not below <see cref="MaxCpus"/>.</exception>
    /// <exception cref="NativeFailure">There is no such CPU, or the process's cpuset leaves it out (EINVAL).</exception>
    public static void PinCurrentThread(int cpu)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(cpu);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(cpu, MaxCpus);
        var mask = stackalloc ulong[MaxCpus / 64];
        new Span<ulong>(mask, MaxCpus / 64).Clear();
        mask[cpu / 64] = 1UL << (cpu % 64);
        if (SetAffinity(0, MaxCpus / 8, mask) == 0)
            return;
        var errno = Marshal.GetLastPInvokeError();
        throw NativeFailure.From(errno, $"sched_setaffinity(cpu {cpu})");
    }

    /// <summary>The CPUs that the calling thread may run on, in ascending order.</summary>
    /// <exception cref="NativeFailure">The machine has more CPUs than <see cref="MaxCpus"/> (EINVAL).</exception>
    public static IReadOnlyList<int> AllowedCpus()
    {
        var mask = stackalloc ulong[MaxCpus / 64];
        new Span<ulong>(mask, MaxCpus / 64).Clear();
        if (GetAffinity(0, MaxCpus / 8, mask) < 0)
        {
            var errno = Marshal.GetLastPInvokeError();
            throw NativeFailure.From(errno, "sched_getaffinity");
        }

        var allowed = new List<int>();
        for (var cpu = 0; cpu < MaxCpus; cpu++)
        {
            if ((mask[cpu / 64] & (1UL << (cpu % 64))) != 0)
                allowed.Add(cpu);
        }

        return allowed;
    }

    [LibraryImport("libc", EntryPoint = "gettid")]
    private static partial int GetThreadId();

    [LibraryImport("libc", EntryPoint = "sched_setaffinity", SetLastError = true)]
    private static partial int SetAffinity(int threadId, nint maskBytes, ulong* mask);

    [LibraryImport("libc", EntryPoint = "sched_getaffinity", SetLastError = true)]
    private static partial int GetAffinity(int threadId, nint maskBytes, ulong* mask);
}
