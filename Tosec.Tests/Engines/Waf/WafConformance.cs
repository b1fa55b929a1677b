using Tosec.Actors.Inspection;
using Tosec.Engines.Waf;

namespace Tosec.Tests.Engines.Waf;

public sealed class WafConformance : EngineConformance
{
    private const string Traversal = "/?file=../../../../etc/passwd";
    private const string Script = "/?q=%3Cscript%3Ealert(1)%3C/script%3E";
    private const string Injection = "id=1%27%20OR%20%271%27%3D%271";
    private const string Leak = "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version";

    protected override IReadOnlyList<Talk> Talks { get; } =
    [
        Talk.Passes(Said.Client(Http.Form("name=Ada&city=London")), Said.Server(Http.Ok("<p>hello</p>"))),
        Talk.Passes(Said.Client(Http.Get("/a?b=c") + Http.Get("/d")), Said.Server(Http.Ok("{}", "application/json") + Http.Ok("x", "image/png"))),
        Talk.Passes(Said.Client(Http.Chunked("/api", "application/json", "{\"a\":", "[1,2]}"))),
        Talk.Passes(Said.Client(Http.Chunked("/api", "application/json", "[1]") + Http.Form("a=b") + Http.Get("/"))),
        Talk.Blocks(930100, Http.Get(Traversal), Said.Client(Http.Get(Traversal))),
        Talk.Blocks(942100, Injection, Said.Client(Http.Form(Injection))),
        Talk.Blocks(941100, "alert(1)", Said.Client(Http.Chunked("/api", "application/json", "{\"q\":\"<script>", "alert(1)</script>\"}"))),
        Talk.Blocks(941100, Http.Get(Script), Said.Client(Http.Get("/")), Said.Server(Http.Ok("")), Said.Client(Http.Get(Script))),
        Talk.Blocks(930100, Http.Get(Traversal), Said.Client(Http.Get("/") + Http.Get(Traversal))),
        Talk.Blocks(0, "Host: a\r\n\r\n", Said.Client(Http.Get("/") + "BREW /?a=b HTTP/1.1\r\nGET :/ HTTP/1.1\r\nHost: a\r\n\r\n")),
        Talk.Blocks(951230, Leak, Said.Client(Http.Get("/item")), Said.Server(Http.Ok(Leak))),
        Talk.Blocks(0, "0\r\n\r\n", Said.Client("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")),
        Talk.Blocks(0, "SSH-2.0", Said.Client("SSH-2.0-OpenSSH_9.2p1\r\n")),
    ];

    protected override IEnumerable<(Said[] Begin, Said More)> Endless =>
    [
        ([], Said.Client("GET /")),
        ([Said.Client(Http.Get("/")[..^2])], Said.Client("X-Field: value\r\n")),
        ([], Said.Client(Http.Get("/"))),
        ([Said.Client(Http.PostHead("/", "application/json", "Transfer-Encoding: chunked\r\n"))], Said.Client("1\r\n[\r\n")),
        ([Said.Client(Http.PostHead("/", "multipart/form-data; boundary=x", "Content-Length: 40000000\r\n"))], Said.Client("--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n")),
        ([Said.Client(Http.Get("/")), Said.Server("HTTP/1.1 200 OK\r\n")], Said.Server("X-Field: value\r\n")),
        ([Said.Client(Http.Get("/")), Said.Server("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")], Said.Server("<p>and on</p>")),
        ([Said.Client(Http.Get("/"))], Said.Server("HTTP/1.1 100 Continue\r\n\r\n")),
    ];

    // Requests without a response, each with the native transaction that waits for one, are most of it (pending-limit).
    protected override long MemoryLimit => 8 << 20;

    protected override INetworkSecuritySystem Make() => new WafSystem(WafFixture.Reference);

    // A request line and a body pass as a whole or not at all. Fields pass as they come, because no server can act on them before the
    // head ends; and a server's stream is judged on what there is of it.
    protected override bool IsComplete(bool toServer, string released)
    {
        if (!toServer) return true;
        for (var left = released; left != "";)
        {
            if (!left.Contains("\r\n", StringComparison.Ordinal)) return false;
            var parts = left.Split("\r\n\r\n", 2);
            if (parts.Length == 1 || parts[1] == "") return true;
            var end = BodyEnd(parts[0], parts[1]);
            if (end < 0) return false;
            left = parts[1][end..];
        }

        return true;
    }

    private static int BodyEnd(string head, string body)
    {
        if (head.Contains("chunked", StringComparison.Ordinal))
        {
            var last = body.IndexOf("0\r\n\r\n", StringComparison.Ordinal);
            return last < 0 ? -1 : last + 5;
        }

        var field = head.Split("\r\n").FirstOrDefault(line => line.StartsWith("Content-Length: ", StringComparison.Ordinal));
        var length = field is null ? 0 : int.Parse(field["Content-Length: ".Length..]);
        return length <= body.Length ? length : -1;
    }
}
