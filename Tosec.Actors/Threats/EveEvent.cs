using System.Globalization;
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
    bool Blocked) : IEveLine
{
    // Suricata's own: local time, microseconds, offset without a colon.
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff";

    private static readonly JsonEncodedText _sourceIp = JsonEncodedText.Encode("src_ip");
    private static readonly JsonEncodedText _destinationIp = JsonEncodedText.Encode("dest_ip");

    /// <summary>Address and port of the side that sent the judged payload.</summary>
    public IPEndPoint Source => Direction == StreamDirection.Outgoing ? Stream.GuestEndPoint : Stream.PeerEndPoint;

    /// <summary>Address and port of the side it was sent to.</summary>
    public IPEndPoint Destination => Direction == StreamDirection.Outgoing ? Stream.PeerEndPoint : Stream.GuestEndPoint;

    /// <summary>Writes the event as one JSON object. Does not flush the writer.</summary>
    public void WriteTo(Utf8JsonWriter json)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.WriteStartObject();
        json.WriteString("timestamp", Timestamp(Time));
        json.WriteNumber("flow_id", Stream.ConnectionId);
        json.WriteString("event_type", "alert");
        json.WriteString(_sourceIp, Source.Address.ToString());
        json.WriteNumber("src_port", Source.Port);
        json.WriteString(_destinationIp, Destination.Address.ToString());
        json.WriteNumber("dest_port", Destination.Port);
        json.WriteString("proto", "TCP");
        json.WriteString("direction", Direction == Stream.Initiator ? "to_server" : "to_client");
        if (Threat.Http is not null) json.WriteString("app_proto", "http");
        WriteAlert(json);
        if (Threat.Http is { } http) WriteHttp(json, http);
        WriteTosec(json);
        json.WriteEndObject();
    }

    /// <summary>For example <c>2026-03-04T05:06:07.123456+0000</c>.</summary>
    internal static string Timestamp(DateTimeOffset time)
    {
        var offset = time.Offset;
        var sign = offset < TimeSpan.Zero ? '-' : '+';
        return string.Create(CultureInfo.InvariantCulture,
            $"{time.ToString(TimeFormat, CultureInfo.InvariantCulture)}{sign}{offset:hhmm}");
    }

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
        WriteUnlessEmpty(json, "hostname", http.Hostname);
        WriteUnlessEmpty(json, "url", http.Url);
        WriteUnlessEmpty(json, "http_user_agent", http.UserAgent);
        WriteUnlessEmpty(json, "http_method", http.Method);
        WriteUnlessEmpty(json, "protocol", http.Protocol);
        if (http.Status > 0) json.WriteNumber("status", http.Status);
        json.WriteEndObject();
    }

    private void WriteTosec(Utf8JsonWriter json)
    {
        json.WriteStartObject("tosec");
        json.WriteString("guest", Stream.Guest);
        json.WriteString("chain", Stream.Chain);
        json.WriteString("svm", Svm);
        WriteUnlessEmpty(json, "reference", Threat.Reference);
        json.WriteStartArray("rules");
        foreach (var rule in Threat.MatchedRules) json.WriteNumberValue(rule);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteUnlessEmpty(Utf8JsonWriter json, string name, string value)
    {
        if (value.Length > 0) json.WriteString(name, value);
    }
}
