using System.Text.Json.Serialization;

namespace Tosec.Bench.Latency;

/// <summary>What the client says of its requests.</summary>
internal sealed record ClientReport
{
    [JsonPropertyName("requests")] public int Requests { get; init; }

    [JsonPropertyName("elapsed_ns")] public long ElapsedNanoseconds { get; init; }

    [JsonPropertyName("cpu_ns")] public long CpuNanoseconds { get; init; }

    [JsonPropertyName("sleeps")] public long Sleeps { get; init; }

    [JsonPropertyName("min_ns")] public long MinNanoseconds { get; init; }

    [JsonPropertyName("p50_ns")] public long P50Nanoseconds { get; init; }

    [JsonPropertyName("p90_ns")] public long P90Nanoseconds { get; init; }

    [JsonPropertyName("p99_ns")] public long P99Nanoseconds { get; init; }

    [JsonPropertyName("p999_ns")] public long P999Nanoseconds { get; init; }

    [JsonPropertyName("max_ns")] public long MaxNanoseconds { get; init; }
}

/// <summary>What a party spent on a request.</summary>
/// <param name="CpuMicroseconds">CPU time of all its threads.</param>
/// <param name="Sleeps">Times that one of its threads went to sleep.</param>
internal sealed record PartyUse(double CpuMicroseconds, double Sleeps);

/// <summary>One measurement: one connection of one case.</summary>
internal sealed record LatencySample(
    int Round, Setting Setting, string Case, int Bytes, ClientReport Client, IReadOnlyDictionary<string, PartyUse> Parties);

/// <summary>CPUs that others kept busy during one setting of one round, and those that the hypervisor took.</summary>
internal sealed record BackgroundLoad(int Round, Setting Setting, double BusyCpus, double StolenCpus);
