using System.Text.Json;

namespace Tosec.Actors.Threats;

/// <summary>One line of the event log: an EVE JSON event with Suricata's field names. Immutable.</summary>
public interface IEveRecord
{
    /// <summary>Suricata's <c>event_type</c>.</summary>
    string EventType { get; }

    /// <summary>Writes the event as one JSON object. Does not flush the writer.</summary>
    void WriteTo(Utf8JsonWriter json);
}
