using System.IO.Compression;
using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Engines.Waf;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Engines.Waf;

/// <summary>Bodies are judged as those who receive them read them: unpacked and parsed.</summary>
public sealed class WafBodySpecs(WafFixture fixture) : IClassFixture<WafFixture>
{
    private const string Sqli = "1' OR '1'='1' UNION SELECT username, password FROM users--";
    private const string Leak = "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version";

    [Theory]
    [InlineData("gzip")]
    [InlineData("x-gzip")]
    public void Compressed_request_is_unpacked(string coding)
    {
        using var folder = new TemporaryDirectory();
        var setup = folder.Write("crs-setup.conf", File.ReadAllText(WafFixture.Reference.SetupFile)
            + "\nSecAction \"id:900250,phase:1,nolog,pass,t:none,setvar:'tx.restricted_headers=/proxy/'\"\n");
        using var system = new WafSystem(WafFixture.Reference with { SetupFile = setup });
        using var clean = new Conversation(system);
        Assert.Equal(VerdictKind.Pass, clean.Client(Form("name=Ada")));
        using var attack = new Conversation(system);
        foreach (var b in Form("id=" + Uri.EscapeDataString(Sqli))) attack.Client(b.ToString());
        Assert.True(attack.Blocked);
        Assert.Equal("attack-sqli", attack.Threat.Category);

        string Form(string text) =>
            Http.Post("/form", "application/x-www-form-urlencoded", Packed("gzip", text), $"Content-Encoding: {coding}\r\n");
    }

    [Fact]
    public void Compressed_request_is_blocked_by_the_core_rule_set_as_it_comes()
    {
        using var conversation = new Conversation(fixture.System);
        var body = Packed("gzip", "name=Ada");
        conversation.Client(Http.Post("/form", "application/x-www-form-urlencoded", body, "Content-Encoding: gzip\r\n"));
        Assert.Equal(920450, conversation.Threat.SignatureId);
    }

    [Theory]
    [InlineData("deflate")]
    [InlineData("br")]
    [InlineData("zstd")]
    [InlineData("gzip, gzip")]
    [InlineData("")]
    public void Request_that_cannot_be_unpacked_without_doubt_is_blocked(string coding)
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Post("/form", "text/plain", "packed", $"Content-Encoding: {coding}\r\n")));
        Assert.Equal("HTTP: Content-Encoding that cannot be inspected", conversation.Threat.Signature);
    }

    [Theory]
    [InlineData("gzip", false)]
    [InlineData("deflate", false)]
    [InlineData("gzip", true)]
    [InlineData("deflate", true)]
    public void Leak_in_a_compressed_response_is_blocked(string coding, bool chunked)
    {
        var body = Packed(coding, Leak + new string(' ', 2000));
        var response = chunked
            ? $"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: {coding}\r\nTransfer-Encoding: chunked\r\n\r\n"
                + string.Concat(body.Chunk(10).Select(part => $"{part.Length:x}\r\n{new string(part)}\r\n")) + "0\r\n\r\n"
            : Http.Ok(body, fields: $"Content-Encoding: {coding}\r\n");
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/"));
        foreach (var part in response) conversation.Server(part.ToString());
        Assert.True(conversation.Blocked);
        Assert.InRange(conversation.Threat.SignatureId, 950000, 958999);
    }

    [Fact]
    public void Attack_in_a_field_of_a_multipart_form_is_blocked()
    {
        using var conversation = new Conversation(fixture.System);
        var body = $"--xyz\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n{Sqli}\r\n" + Http.Multipart("xyz", "f", "a.txt", "text");
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Post("/upload", "multipart/form-data; boundary=xyz", body)));
        Assert.Equal("attack-sqli", conversation.Threat.Category);
    }

    [Fact]
    public void Multipart_body_without_its_last_boundary_is_blocked()
    {
        using var conversation = new Conversation(fixture.System);
        var body = Http.Multipart("xyz", "f", "a.txt", "text").Replace("--xyz--\r\n", "");
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Post("/upload", "multipart/form-data; boundary=xyz", body)));
    }

    [Theory]
    [InlineData("text/xml")]
    [InlineData("application/xml")]
    [InlineData("application/soap+xml")]
    public void Xml_is_read(string type)
    {
        using var clean = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Pass, clean.Client(Http.Post("/api", type, "<order><id>1</id></order>")));
        using var attack = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Block, attack.Client(Http.Post("/api", type, $"<order><id>{Sqli}</id></order>")));
        Assert.Equal("attack-sqli", attack.Threat.Category);
        using var broken = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Block, broken.Client(Http.Post("/api", type, "<order><id>1</order>")));
    }

    private static string Packed(string coding, string text)
    {
        var target = new MemoryStream();
        using (Stream packer = coding == "gzip" ? new GZipStream(target, CompressionLevel.Optimal) : new ZLibStream(target, CompressionLevel.Optimal))
            packer.Write(Encoding.Latin1.GetBytes(text));
        return Encoding.Latin1.GetString(target.ToArray());
    }
}
