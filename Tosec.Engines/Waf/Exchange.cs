using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Engines.Http;
using Tosec.Engines.ModSecurity;

namespace Tosec.Engines.Waf;

/// <summary>
/// One request and its response on a connection, from the request's head on. The inspector owns it and disposes it when both have
/// ended. One thread.
/// </summary>
internal sealed class Exchange(ulong number, ModSecurityTransaction transaction) : IDisposable
{
    private const int MaxFactLength = 2048;

    /// <summary>The parser's number of the exchange: 1 for the connection's first.</summary>
    public ulong Number { get; } = number;

    public ModSecurityTransaction Transaction { get; } = transaction;

    public HttpFacts Http { get; private set; } = new("", "", "", "", "", 0);

    /// <summary>Bytes of the request's body so far, after decoding.</summary>
    public long RequestBodyLength { get; set; }

    /// <summary>Bytes of the response's body so far, after decoding; only while it is inspected.</summary>
    public long ResponseBodyLength { get; set; }

    /// <summary>The multipart delimiter of the request; null: it is not multipart/form-data.</summary>
    public string? Boundary { get; private set; }

    /// <summary>The client waits for <c>100 Continue</c> before it sends the body.</summary>
    public bool ExpectsContinue { get; private set; }

    /// <summary>The request asks for a WebSocket.</summary>
    public bool AsksWebSocket { get; private set; }

    /// <summary>The rules have said what they have to say of the request.</summary>
    public bool RequestDecided { get; set; }

    public bool RequestComplete { get; set; }

    /// <summary>The response's head has been seen.</summary>
    public bool ResponseStarted { get; set; }

    /// <summary>The rules have said what they have to say of the response.</summary>
    public bool ResponseDecided { get; set; }

    public bool ResponseComplete { get; set; }

    /// <summary>Facts for the event, from the request line alone.</summary>
    public static HttpFacts Facts(HttpMessage request) =>
        new("", Text(request.Target), Text(request.Method), Text(request.Protocol), "", 0);

    /// <summary>Takes what is needed of the request's head.</summary>
    public void Begin(HttpMessage request)
    {
        Http = Facts(request) with
        {
            Hostname = request.TryGet("host"u8, out var host) ? Text(host.Value) : "",
            UserAgent = request.TryGet("user-agent"u8, out var agent) ? Text(agent.Value) : "",
        };
        ExpectsContinue = request.Protocol.SequenceEqual("HTTP/1.1"u8)
            && request.TryGet("expect"u8, out var expect) && Ascii.EqualsIgnoreCase(expect.Value, "100-continue"u8);
        AsksWebSocket = request.TryGet("upgrade"u8, out var upgrade) && HttpStrictness.Names(upgrade.Value, "websocket"u8);
        Boundary = request.TryGet("content-type"u8, out var type) ? BoundaryOf(type.Value) : null;
    }

    public void Answered(int status) => Http = Http with { Status = status };

    public void Dispose() => Transaction.Dispose();

    private static string Text(ReadOnlySpan<byte> bytes) =>
        Encoding.Latin1.GetString(bytes.Length <= MaxFactLength ? bytes : bytes[..MaxFactLength]);

    private static string? BoundaryOf(ReadOnlySpan<byte> type)
    {
        var text = Encoding.Latin1.GetString(type);
        if (!text.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase)) return null;
        var at = text.IndexOf("boundary=", StringComparison.OrdinalIgnoreCase);
        if (at < 0) return "";
        var value = text[(at + "boundary=".Length)..];
        if (value.StartsWith('"'))
        {
            var quote = value.IndexOf('"', 1);
            return quote < 0 ? value[1..] : value[1..quote];
        }

        var end = value.AsSpan().IndexOfAny(';', ' ', '\t');
        return end < 0 ? value : value[..end];
    }
}
