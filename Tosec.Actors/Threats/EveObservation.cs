using System.Text.Json;
using Tosec.Actors.Inspection;

namespace Tosec.Actors.Threats;

/// <summary>An event that is no threat: <c>http</c>, <c>fileinfo</c>, <c>flow</c>, <c>anomaly</c> or <c>audit</c>.</summary>
/// <param name="Time">When it was seen.</param>
/// <param name="Svm">Name of the SVM that saw it.</param>
/// <param name="Seen">What was seen.</param>
public sealed record EveObservation(DateTimeOffset Time, string Svm, Observation Seen) : IEveRecord
{
    public string EventType => Seen switch
    {
        HttpObservation => "http",
        FileObservation => "fileinfo",
        FlowObservation => "flow",
        AuditObservation => "audit",
        _ => "anomaly",
    };

    public void WriteTo(Utf8JsonWriter json)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.WriteStartObject();
        EveFields.WriteHead(json, Time, EventType, Seen.Stream, Seen.Direction);
        var text = "";
        var verdict = "";
        switch (Seen)
        {
            case HttpObservation http:
                Write(json, http);
                break;
            case FileObservation file:
                verdict = file.Verdict;
                Write(json, file);
                break;
            case FlowObservation flow:
                Write(json, flow);
                break;
            case AuditObservation audit:
                Write(json, audit);
                break;
            case AnomalyObservation anomaly:
                text = anomaly.Text;
                Write(json, anomaly);
                break;
        }

        json.WriteStartObject("tosec");
        EveFields.WritePlace(json, Seen.Stream, Svm);
        EveFields.WriteUnlessEmpty(json, "verdict", verdict);
        EveFields.WriteUnlessEmpty(json, "text", text);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, HttpObservation seen)
    {
        json.WriteString("app_proto", "http");
        json.WriteStartObject("http");
        EveFields.WriteHttp(json, seen.Http);
        EveFields.WriteUnlessEmpty(json, "http_content_type", seen.ContentType);
        json.WriteNumber("length", seen.Length);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, FileObservation seen)
    {
        if (seen.Http is { } http)
        {
            json.WriteString("app_proto", "http");
            json.WriteStartObject("http");
            EveFields.WriteHttp(json, http);
            json.WriteEndObject();
        }

        json.WriteStartObject("fileinfo");
        json.WriteString("filename", seen.Name);
        json.WriteBoolean("gaps", false);
        json.WriteString("state", seen.IsComplete ? "CLOSED" : "TRUNCATED");
        EveFields.WriteUnlessEmpty(json, "sha256", seen.Sha256);
        json.WriteBoolean("stored", false);
        json.WriteNumber("size", seen.Size);
        json.WriteEndObject();
    }

    private void Write(Utf8JsonWriter json, FlowObservation seen)
    {
        json.WriteStartObject("flow");
        json.WriteNumber("pkts_toserver", seen.ToServer.Payloads);
        json.WriteNumber("pkts_toclient", seen.ToClient.Payloads);
        json.WriteNumber("bytes_toserver", seen.ToServer.Bytes);
        json.WriteNumber("bytes_toclient", seen.ToClient.Bytes);
        json.WriteString("start", EveFields.Timestamp(seen.Start));
        json.WriteString("end", EveFields.Timestamp(Time));
        json.WriteNumber("age", (long)Math.Max(0, (Time - seen.Start).TotalSeconds));
        json.WriteString("state", "closed");
        json.WriteString("reason", "unknown");
        json.WriteBoolean("alerted", seen.Alerted);
        if (seen.IsBlocked) json.WriteString("action", "drop");
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, AnomalyObservation seen)
    {
        json.WriteStartObject("anomaly");
        json.WriteString("type", "applayer");
        json.WriteString("event", seen.Event);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, AuditObservation seen)
    {
        json.WriteString("app_proto", seen.Protocol);
        json.WriteStartObject("audit");
        EveFields.WriteUnlessEmpty(json, "user", seen.User);
        EveFields.WriteUnlessEmpty(json, "database", seen.Database);
        json.WriteString("class", seen.Class);
        json.WriteString("statement", seen.Statement);
        json.WriteString("fingerprint", seen.Fingerprint);
        json.WriteStartArray("parameters");
        foreach (var parameter in seen.Parameters) json.WriteStringValue(parameter);
        json.WriteEndArray();
        if (seen.Rows >= 0) json.WriteNumber("rows", seen.Rows);
        json.WriteNumber("duration_us", (long)seen.Duration.TotalMicroseconds);
        json.WriteString("outcome", seen.Outcome);
        json.WriteEndObject();
    }
}
