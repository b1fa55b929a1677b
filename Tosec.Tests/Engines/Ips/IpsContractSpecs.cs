using Tosec.Actors.Inspection;
using Tosec.Tests.Engines.Waf;

namespace Tosec.Tests.Engines.Ips;

public sealed class IpsContractSpecs : InspectorContract, IDisposable
{
    private readonly IpsBench _bench = new(
        "drop http any any -> any any (http.uri; content:\"/evil\"; startswith; sid:1;)\n"
        + "drop http any any -> any any (http.request_body; content:\"union\"; nocase; content:\"select\"; nocase; distance:1; sid:2;)\n"
        + "drop tcp any any -> any any (content:\"|de ad be ef|\"; sid:3;)\n"
        + "drop tls any any -> any any (tls.sni; content:\"evil.example\"; endswith; sid:4;)\n"
        + "drop http any any -> any any (http.header_names; content:!\"Host\"; http.method; content:\"GET\"; sid:5;)");

    protected override INetworkSecuritySystem System => _bench.System;

    protected override IEnumerable<(string Client, VerdictKind End)> Streams =>
    [
        (Http.Get("/good") + Http.Form("a=union+of"), VerdictKind.Pass),
        ("\x01\x02\xde\xad\xbe\x00", VerdictKind.Pass),
        ("no protocol of ours\r\nat all\r\n", VerdictKind.Pass),
        (Http.Get("/evil"), VerdictKind.Block),
        (Http.Get("/") + Http.Get("/a/../evil"), VerdictKind.Block),
        (Http.Chunked("/", "text/plain", "x UNI", "ON SEL", "ECT y"), VerdictKind.Block),
        ("\x01\x02\xde\xad\xbe\xef", VerdictKind.Block),
        ("GET / HTTP/1.1\r\nAccept: a\r\n\r\n", VerdictKind.Block),
        (global::System.Text.Encoding.Latin1.GetString(ProtocolKeywordSpecs.Hello("www.evil.example")), VerdictKind.Block),
    ];

    public void Dispose() => _bench.Dispose();
}
