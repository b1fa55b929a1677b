using System.Text.Json;
using Tosec.Actors.Inspection;

namespace Tosec.Actors.Threats;

/// <summary>
/// One audited statement. Immutable; any thread. Its JSON form has the head of Suricata's EVE events, <c>audit</c> for its type, and an
/// object <c>audit</c> of our own, since Suricata has none.
/// </summary>
/// <param name="Time">When its answer was complete, or when it was refused.</param>
/// <param name="Stream">The connection; its client is the event's source.</param>
/// <param name="Svm">Name of the SVM.</param>
/// <param name="Record">The statement.</param>
public sealed record AuditEvent(DateTimeOffset Time, StreamFacts Stream, string Svm, AuditRecord Record) : IEveRecord
{
    public string EventType => "audit";

    /// <summary>Writes the event as one JSON object. Does not flush the writer.</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.WriteStartObject();
        json.WriteString("timestamp", EveFields.Timestamp(Time));
        json.WriteNumber("flow_id", Stream.ConnectionId);
        json.WriteString("event_type", EventType);
        json.WriteString("src_ip", Stream.Client.Address.ToString());
        json.WriteNumber("src_port", Stream.Client.Port);
        json.WriteString("dest_ip", Stream.Server.Address.ToString());
        json.WriteNumber("dest_port", Stream.Server.Port);
        json.WriteString("proto", "TCP");
        json.WriteString("app_proto", Record.Protocol);
        WriteAudit(json);
        json.WriteStartObject("tosec");
        json.WriteString("guest", Stream.Guest);
        json.WriteString("chain", Stream.Chain);
        json.WriteString("svm", Svm);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void WriteAudit(Utf8JsonWriter json)
    {
        json.WriteStartObject("audit");
        json.WriteString("user", Record.User);
        json.WriteString("database", Record.Database);
        json.WriteString("class", Record.Class);
        json.WriteString("statement", Record.Statement);
        json.WriteString("fingerprint", Record.Fingerprint);
        WriteList(json, "tables", Record.Tables);
        WriteList(json, "functions", Record.Functions);
        WriteList(json, "parameters", Record.Parameters);
        if (Record.Rows >= 0) json.WriteNumber("rows", Record.Rows);
        json.WriteNumber("duration_us", (long)Record.Duration.TotalMicroseconds);
        json.WriteString("outcome", Record.Outcome);
        if (Record.Error.Length > 0) json.WriteString("error", Record.Error);
        json.WriteEndObject();
    }

    private static void WriteList(Utf8JsonWriter json, string name, IReadOnlyList<string> items)
    {
        if (items.Count == 0) return;
        json.WriteStartArray(name);
        foreach (var item in items) json.WriteStringValue(item);
        json.WriteEndArray();
    }
}
