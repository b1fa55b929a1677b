using System.Text.Json;
using System.Text.Json.Serialization;
using Tosec.Bench.Lab;

namespace Tosec.Bench.Latency;

/// <summary>Everything of one run, as the results' file has it.</summary>
internal sealed record LatencyResults
{
    private static readonly JsonSerializerOptions _format = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter() },
    };

    public required DateTimeOffset Begun { get; init; }

    public required DateTimeOffset Ended { get; init; }

    public required Machine Machine { get; init; }

    public required double[] LoadBefore { get; init; }

    public required double[] LoadAfter { get; init; }

    /// <summary>Where what may run, by setting.</summary>
    public required IReadOnlyDictionary<Setting, string> Pinning { get; init; }

    public required LatencyPlan Plan { get; init; }

    public required IReadOnlyList<LatencyFigure> Figures { get; init; }

    public required IReadOnlyList<LatencyRatio> Ratios { get; init; }

    public required IReadOnlyList<BackgroundLoad> Background { get; init; }

    public required IReadOnlyList<LatencySample> Samples { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, _format);
}
