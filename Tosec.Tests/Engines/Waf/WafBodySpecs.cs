using System.IO.Compression;
using System.Text;
using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Waf;

/// <summary>Bodies are judged as those who receive them read them: unpacked and parsed.</summary>
public sealed class WafBodySpecs(WafFixture fixture) : IClassFixture<WafFixture>
{
    private const string Sqli = "1' OR '1'='1' UNION SELECT username, password FROM users--";
    private const string Leak = "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version";

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    public void Attack_in_a_compressed_request_is_blocked(string coding)
    {
        using var conversation = new Conversation(fixture.System);
        var body = Packed(coding, "id=" + Uri.EscapeDataString(Sqli));
        var request = Http.Post("/form", "application/x-www-form-urlencoded", body, $"Content-Encoding: {coding}\r\n");
        Assert.Equal(VerdictKind.Block, conversation.Client(request));
        Assert.Equal("", conversation.ReleasedToServer);
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
        foreach (var part in response.Chunk(7)) conversation.Server(new string(part));
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
