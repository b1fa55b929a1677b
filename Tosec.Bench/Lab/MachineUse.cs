using System.Globalization;

namespace Tosec.Bench.Lab;

/// <summary>What all CPUs together have done so far, in seconds; for the load that is not ours.</summary>
internal readonly record struct MachineUse(double Busy, double Stolen, double At)
{
    public static MachineUse Read()
    {
        // user nice system idle iowait irq softirq steal, in ticks of 10 ms.
        var ticks = File.ReadLines("/proc/stat").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..]
            .Select(word => long.Parse(word, CultureInfo.InvariantCulture) / 100.0).ToArray();
        return new MachineUse(ticks[0] + ticks[1] + ticks[2] + ticks[5] + ticks[6], ticks[7], Environment.TickCount64 / 1000.0);
    }

    /// <summary>CPUs that were busy on average since then.</summary>
    public double BusySince(MachineUse before) => (Busy - before.Busy) / Math.Max(0.001, At - before.At);

    /// <summary>CPUs that the hypervisor gave to others meanwhile.</summary>
    public double StolenSince(MachineUse before) => (Stolen - before.Stolen) / Math.Max(0.001, At - before.At);
}
