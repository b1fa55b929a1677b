using Akka.Configuration;

namespace Tosec.Actors.Workers;

/// <summary>How a worker waits and shares its thread. Defaults and their reasons are in <c>hocon/reference/actors.conf</c>.</summary>
public sealed record WorkerSettings
{
    /// <summary>The section of the configuration that <see cref="From"/> is given.</summary>
    public const string Section = "tosec.worker";

    /// <summary>Passes without work before the worker blocks; 0 blocks at once.</summary>
    public required int Spins { get; init; }

    /// <summary>Messages that one actor handles before the next one of the worker has its turn.</summary>
    public required int Throughput { get; init; }

    /// <summary>The only CPU that the thread may run on; -1 leaves that to the kernel.</summary>
    public required int Cpu { get; init; }

    /// <summary>How far apart ticks are, at least a millisecond.</summary>
    public required TimeSpan TickInterval { get; init; }

    /// <summary>Reads <paramref name="section"/>; every key has to be there.</summary>
    /// <exception cref="ConfigurationException">A key is missing or out of its range; the message names it.</exception>
    public static WorkerSettings From(Config section) => new()
    {
        Spins = Checked(section, "spins", 0, 1_000_000_000),
        Throughput = Checked(section, "throughput", 1, 1_000_000),
        Cpu = Checked(section, "cpu", -1, 1023),
        TickInterval = Interval(section, "tick-interval"),
    };

    private static int Checked(Config section, string key, int least, int most)
    {
        var value = Present(section, key).GetInt(key);
        return value >= least && value <= most
            ? value
            : throw new ConfigurationException($"{Section}.{key} is {value}, it must be from {least} to {most}");
    }

    private static TimeSpan Interval(Config section, string key)
    {
        var value = Present(section, key).GetTimeSpan(key, allowInfinite: false);
        return value >= TimeSpan.FromMilliseconds(1) && value <= TimeSpan.FromHours(1)
            ? value
            : throw new ConfigurationException($"{Section}.{key} is {value}, it must be from 1ms to 1h");
    }

    private static Config Present(Config section, string key) =>
        section is not null && section.HasPath(key)
            ? section
            : throw new ConfigurationException($"{Section}.{key} is missing");
}
