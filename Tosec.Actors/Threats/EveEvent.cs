using System.Net;
using System.Text.Json;
using Tosec.Actors.Inspection;

namespace Tosec.Actors.Threats;

/// <summary>
/// One reported threat: what is logged, counted and listed. Immutable; any thread. Its JSON form is an <c>alert</c> event of
/// Suricata's EVE format with one object more, <c>tosec</c>.
/// </summary>
/// <param name="Time">When it was found.</param>
/// <param name="Stream">The connection.</param>
/// <param name="Direction">The stream whose payload was judged: its sender is the event's source.</param>
/// <param name="Svm">Name of the SVM that found it.</param>
/// <param name="Threat">What was found.</param>
/// <param name="Blocked">Was the connection ended (true) or only reported (false)?</param>
public sealed record EveEvent(
    DateTimeOffset Time,
    StreamFacts Stream,
    StreamDirection Direction,
    string Svm,
    Threat Threat,
    bool Blocked) : IEveRecord
{
    public string EventType => "alert";

    /// <summary>Address and port of the side that sent the judged payload.</summary>
    public IPEndPoint Source => Direction == StreamDirection.Outgoing ? Stream.GuestEndPoint : Stream.PeerEndPoint;

    /// <summary>Address and port of the side it was sent to.</summary>
    public IPEndPoint Destination => Direction == StreamDirection.Outgoing ? Stream.PeerEndPoint : Stream.GuestEndPoint;

    /// <summary>Writes the event as one JSON object. Does not flush the writer.</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.WriteStartObject();
        EveFields.WriteHead(json, Time, EventType, Stream, Direction);
        if (Threat.Http is not null) json.WriteString("app_proto", "http");
        WriteAlert(json);
        if (Threat.Http is { } http) WriteHttp(json, http);
        WriteTosec(json);
        json.WriteEndObject();
    }

    internal static string Timestamp(DateTimeOffset time) => EveFields.Timestamp(time);

    private void WriteAlert(Utf8JsonWriter json)
    {
        json.WriteStartObject("alert");
        json.WriteString("action", Blocked ? "blocked" : "allowed");
        json.WriteNumber("gid", Threat.Group);
        json.WriteNumber("signature_id", Threat.SignatureId);
        json.WriteNumber("rev", Threat.Revision);
        json.WriteString("signature", Threat.Signature);
        json.WriteString("category", Threat.Category);
        json.WriteNumber("severity", Threat.Severity);
        json.WriteEndObject();
    }

    private static void WriteHttp(Utf8JsonWriter json, HttpFacts http)
    {
        json.WriteStartObject("http");
        EveFields.WriteHttp(json, http);
        json.WriteEndObject();
    }

    private void WriteTosec(Utf8JsonWriter json)
    {
        json.WriteStartObject("tosec");
        EveFields.WritePlace(json, Stream, Svm);
        EveFields.WriteUnlessEmpty(json, "reference", Threat.Reference);
        json.WriteStartArray("rules");
        foreach (var rule in Threat.MatchedRules) json.WriteNumberValue(rule);
        json.WriteEndArray();
        json.WriteEndObject();
    }
}
