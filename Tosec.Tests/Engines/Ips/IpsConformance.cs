using Tosec.Actors.Inspection;
using Tosec.Engines.Ips;
using Tosec.Tests.Engines.Waf;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Engines.Ips;

public sealed class IpsConformance : EngineConformance
{
    private const string Rules = """
        drop http any any -> any any (http.uri; content:"/evil"; startswith; sid:1;)
        drop http any any -> any any (http.request_body; content:"union"; nocase; content:"select"; nocase; distance:1; sid:2;)
        drop tcp any any -> any any (content:"|de ad be ef|"; sid:3;)
        drop tls any any -> any any (tls.sni; content:"evil.example"; endswith; sid:4;)
        drop http any any -> any any (http.header_names; content:!"Host"; http.method; content:"GET"; sid:5;)
        drop http any any -> any any (http.response_body; content:"secret"; pcre:"/secret \d+/"; sid:6;)
        alert ftp any any -> any any (content:"USER anonymous"; sid:7;)
        """;

    private readonly TemporaryDirectory _folder = new();

    protected override IReadOnlyList<Talk> Talks { get; } =
    [
        Talk.Passes(Said.Client(Http.Get("/good") + Http.Form("a=union+of")), Said.Server(Http.Ok("no secret"))),
        Talk.Passes(Said.Client("\x01\x02\xde\xad\xbe\x00")),
        Talk.Passes(Said.Client("no protocol of ours\r\nat all\r\n"), Said.Server("nor here")),
        Talk.Alerts(7, Said.Server("220 ready\r\n"), Said.Client("USER anonymous\r\n"), Said.Server("331 password\r\n")),
        Talk.Blocks(1, Http.Get("/evil"), Said.Client(Http.Get("/evil"))),
        Talk.Blocks(1, Http.Get("/a/../evil"), Said.Client(Http.Get("/") + Http.Get("/a/../evil"))),
        Talk.Blocks(2, "ECT", Said.Client(Http.Chunked("/", "text/plain", "x UNI", "ON SEL", "ECT y"))),
        Talk.Blocks(3, "\xde\xad\xbe\xef", Said.Client("\x01\x02"), Said.Server("ok"), Said.Client("\xde\xad\xbe\xef")),
        Talk.Blocks(4, "evil.example", new Said(true, ProtocolKeywordSpecs.Hello("www.evil.example"))),
        Talk.Blocks(5, "\r\n\r\n", Said.Client("GET / HTTP/1.1\r\nAccept: a\r\n\r\n")),
        Talk.Blocks(6, "secret 7", Said.Client(Http.Get("/")), Said.Server(Http.Ok("a secret 7 that leaks"))),
    ];

    protected override IEnumerable<(Said[] Begin, Said More)> Endless =>
    [
        ([], Said.Client(Http.Get("/"))),
        ([Said.Client(Http.Get("/")[..^2])], Said.Client("X-Field: value\r\n")),
        ([Said.Client(Http.Get("/"))], Said.Server(Http.Ok("secret secret"))),
        ([Said.Client("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc\x03\x03")], Said.Client(new string('\0', 1000))),
    ];

    protected override INetworkSecuritySystem Make() => new IpsSystem(
        IpsBench.Reference with { Rules = [_folder.Write("test.rules", Rules)], Classification = null });

    public override void Dispose()
    {
        base.Dispose();
        _folder.Dispose();
    }
}
