using System.Text.Json;

namespace Tosec.Actors.Threats;

/// <summary>What an event log takes: one JSON object, written on the log's own task.</summary>
public interface IEveLine
{
    /// <summary>Writes one JSON object. Does not flush the writer.</summary>
    void WriteTo(Utf8JsonWriter json);
}
