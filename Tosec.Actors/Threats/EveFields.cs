using System.Globalization;
using System.Text.Json;
using Tosec.Actors.Inspection;

namespace Tosec.Actors.Threats;

/// <summary>The parts that several types of events have. Any thread.</summary>
internal static class EveFields
{
    // Suricata's own: local time, microseconds, offset without a colon.
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.ffffff";

    private static readonly JsonEncodedText _sourceIp = JsonEncodedText.Encode("src_ip");
    private static readonly JsonEncodedText _destinationIp = JsonEncodedText.Encode("dest_ip");

    /// <summary>For example <c>2026-03-04T05:06:07.123456+0000</c>.</summary>
    public static string Timestamp(DateTimeOffset time)
    {
        var offset = time.Offset;
        var sign = offset < TimeSpan.Zero ? '-' : '+';
        return string.Create(CultureInfo.InvariantCulture,
            $"{time.ToString(TimeFormat, CultureInfo.InvariantCulture)}{sign}{offset:hhmm}");
    }

    /// <summary>Time, type and, where the event is about one, the connection.</summary>
    public static void WriteHead(Utf8JsonWriter json, DateTimeOffset time, string type, StreamFacts? stream, StreamDirection direction)
    {
        json.WriteString("timestamp", Timestamp(time));
        if (stream is not { } facts)
        {
            json.WriteString("event_type", type);
            return;
        }

        var (source, destination) = direction == StreamDirection.Outgoing
            ? (facts.GuestEndPoint, facts.PeerEndPoint) : (facts.PeerEndPoint, facts.GuestEndPoint);
        json.WriteNumber("flow_id", facts.ConnectionId);
        json.WriteString("event_type", type);
        json.WriteString(_sourceIp, source.Address.ToString());
        json.WriteNumber("src_port", source.Port);
        json.WriteString(_destinationIp, destination.Address.ToString());
        json.WriteNumber("dest_port", destination.Port);
        json.WriteString("proto", "TCP");
        json.WriteString("direction", direction == facts.Initiator ? "to_server" : "to_client");
    }

    /// <summary>The members of an <c>http</c> object.</summary>
    public static void WriteHttp(Utf8JsonWriter json, HttpFacts http)
    {
        WriteUnlessEmpty(json, "hostname", http.Hostname);
        WriteUnlessEmpty(json, "url", http.Url);
        WriteUnlessEmpty(json, "http_user_agent", http.UserAgent);
        WriteUnlessEmpty(json, "http_method", http.Method);
        WriteUnlessEmpty(json, "protocol", http.Protocol);
        if (http.Status > 0) json.WriteNumber("status", http.Status);
    }

    /// <summary>The first members of a <c>tosec</c> object: where it was seen.</summary>
    public static void WritePlace(Utf8JsonWriter json, StreamFacts? stream, string svm)
    {
        if (stream is { } facts)
        {
            json.WriteString("guest", facts.Guest);
            json.WriteString("chain", facts.Chain);
        }

        json.WriteString("svm", svm);
    }

    public static void WriteUnlessEmpty(Utf8JsonWriter json, string name, string value)
    {
        if (value.Length > 0) json.WriteString(name, value);
    }
}
