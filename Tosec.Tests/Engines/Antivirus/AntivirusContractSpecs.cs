using Tosec.Actors.Inspection;
using Tosec.Tests.Engines.Waf;

namespace Tosec.Tests.Engines.Antivirus;

public sealed class AntivirusContractSpecs(AntivirusFixture fixture) : InspectorContract, IClassFixture<AntivirusFixture>
{
    protected override INetworkSecuritySystem System => fixture.System;

    protected override IEnumerable<(string Client, VerdictKind End)> Streams =>
    [
        (Http.Form("name=Ada"), VerdictKind.Pass),
        (Http.Get("/a") + Http.Get("/b"), VerdictKind.Pass),
        (Http.Post("/", "application/octet-stream", Eicar.Text), VerdictKind.Block),
        (Http.Chunked("/", "application/octet-stream", Eicar.Text[..20], Eicar.Text[20..]), VerdictKind.Block),
        (Http.Post("/", "application/octet-stream", Eicar.Gzip(Eicar.Text), "Content-Encoding: gzip\r\n"), VerdictKind.Block),
        (Http.Post("/", "multipart/form-data; boundary=b", Http.Multipart("b", "f", "f.zip", Eicar.Zip(Eicar.Text))), VerdictKind.Block),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n", VerdictKind.Block),
    ];
}
