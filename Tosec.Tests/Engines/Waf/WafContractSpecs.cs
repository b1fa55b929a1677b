using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Waf;

public sealed class WafContractSpecs(WafFixture fixture) : InspectorContract, IClassFixture<WafFixture>
{
    protected override INetworkSecuritySystem System => fixture.System;

    protected override IEnumerable<(string Client, VerdictKind End)> Streams =>
    [
        (Http.Form("name=Ada&city=London"), VerdictKind.Pass),
        (Http.Get("/a?b=c") + Http.Get("/d"), VerdictKind.Pass),
        (Http.Chunked("/api", "application/json", "{\"a\":", "[1,2]}"), VerdictKind.Pass),
        (Http.Get("/?file=../../../../etc/passwd"), VerdictKind.Block),
        (Http.Form("id=1%27%20OR%20%271%27%3D%271"), VerdictKind.Block),
        (Http.Chunked("/api", "application/json", "{\"q\":\"<script>", "alert(1)</script>\"}"), VerdictKind.Block),
        (Http.Get("/") + Http.Get("/?q=%3Cscript%3Ealert(1)%3C/script%3E"), VerdictKind.Block),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", VerdictKind.Block),
    ];
}
