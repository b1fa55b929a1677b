using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus;
using Tosec.Tests.Engines.Waf;

namespace Tosec.Tests.Engines.Antivirus;

public sealed class AntivirusHttpSpecs(AntivirusFixture fixture) : IClassFixture<AntivirusFixture>
{
    private const string Binary = "application/octet-stream";

    public static TheoryData<string> Forms => ["plain", "gzip", "deflate", "br", "zip", "chunked", "until close", "zip in gzip", "base64 in a form"];

    [Theory]
    [MemberData(nameof(Forms))]
    public void Malware_in_a_response_is_found_wherever_it_is_split(string form)
    {
        var response = Response(form, Eicar.Text);
        for (var cut = 0; cut <= response.Length; cut++)
        {
            using var conversation = new Conversation(fixture.System);
            Assert.Equal(VerdictKind.Pass, conversation.Client(Http.Get("/file")));
            conversation.Server(response[..cut]);
            conversation.Server(response[cut..]);
            if (!conversation.Blocked) conversation.ServerEnds();
            Assert.True(conversation.Blocked, $"{form} cut at {cut}");
            Assert.DoesNotContain(response[^20..], conversation.ReleasedToClient, StringComparison.Ordinal);
            Assert.Contains("Tosec.Eicar", conversation.Threat.Signature, StringComparison.Ordinal);
            Assert.Equal("/file", conversation.Threat.Http!.Url);
        }
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void What_is_clean_passes_unchanged(string form)
    {
        var response = Response(form, "nothing of interest to anybody");
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/file"));
        for (var at = 0; at < response.Length; at += 7)
            conversation.Server(response[at..Math.Min(at + 7, response.Length)]);
        Assert.Equal(VerdictKind.Pass, conversation.ServerEnds());
        Assert.Equal(response, conversation.ReleasedToClient);
    }

    [Fact]
    public void An_upload_that_is_blocked_is_answered_403_with_the_reference_of_the_event()
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Post("/upload", Binary, Eicar.Text)));
        var answer = System.Text.Encoding.ASCII.GetString(conversation.Threat.Answer.Span);
        Assert.StartsWith("HTTP/1.1 403 ", answer, StringComparison.Ordinal);
        Assert.Contains(conversation.Threat.Reference, answer, StringComparison.Ordinal);
        Assert.Equal(("malware", 1), (conversation.Threat.Category, conversation.Threat.Severity));
    }

    [Fact]
    public void A_head_that_asks_before_it_sends_its_body_is_let_go()
    {
        using var conversation = new Conversation(fixture.System);
        var request = Http.Post("/", Binary, Eicar.Text, "Expect: 100-continue\r\n");
        var head = request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        Assert.Equal(VerdictKind.Pass, conversation.Client(request[..head]));
        Assert.Equal(VerdictKind.Pass, conversation.Server("HTTP/1.1 100 Continue\r\n\r\n"));
        Assert.Equal(VerdictKind.Hold, conversation.Client(request[head..^1]));
        Assert.Equal(VerdictKind.Block, conversation.Client(request[^1..]));
        Assert.DoesNotContain("X5O", conversation.ReleasedToServer, StringComparison.Ordinal);
    }

    [Fact]
    public void Compressed_bytes_of_which_nothing_can_be_decoded_yet_are_held()
    {
        using var conversation = new Conversation(fixture.System);
        var request = Http.Post("/", Binary, Eicar.Gzip(Eicar.Text), "Content-Encoding: gzip\r\n");
        var head = request.IndexOf("\r\n\r\n", StringComparison.Ordinal) + 4;
        Assert.Equal(VerdictKind.Pass, conversation.Client(request[..head]));
        foreach (var b in request[head..^1]) Assert.Equal(VerdictKind.Hold, conversation.Client($"{b}"));
        Assert.Equal(VerdictKind.Block, conversation.Client(request[^1..]));
    }

    [Theory]
    [InlineData("HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\nok", "status 206")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: 2\r\n\r\nok", "content coding")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Encoding: gzip, gzip\r\nContent-Length: 2\r\n\r\nok", "content coding")]
    [InlineData("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", "upgrade")]
    [InlineData("220 not http\r\n", "")]
    public void What_cannot_be_read_as_a_whole_is_blocked(string response, string reason)
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/"));
        Assert.Equal(VerdictKind.Block, conversation.Server(response));
        Assert.Contains(reason, conversation.Threat.Signature, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gzip")]
    [InlineData("deflate")]
    [InlineData("br")]
    public void A_body_that_is_not_in_its_coding_has_no_verdict_unless_it_is_malware_as_it_is(string coding)
    {
        foreach (var (body, verdict) in new[] { ("\u00ff\u00ff\u00ff\u00ff in no coding", VerdictKind.Undecided), (Eicar.Text, VerdictKind.Block) })
        {
            using var conversation = new Conversation(fixture.System);
            conversation.Client(Http.Get("/"));
            Assert.Equal(verdict, conversation.Server(Http.Ok(body, Binary, $"Content-Encoding: {coding}\r\n")));
        }
    }

    [Fact]
    public void What_cannot_be_read_as_a_whole_passes_if_the_settings_say_so()
    {
        using var system = new AntivirusSystem(
            fixture.Settings with { Partial = AntivirusChoice.Pass, UnknownCoding = AntivirusChoice.Pass }, fixture.Events);
        using var conversation = new Conversation(system);
        conversation.Client(Http.Get("/a") + Http.Get("/b") + Http.Get("/c"));
        Assert.Equal(VerdictKind.Pass, conversation.Server("HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\nok"));
        Assert.Equal(VerdictKind.Pass, conversation.Server(Http.Ok("ok", Binary, "Content-Encoding: zstd\r\n")));
        Assert.Equal(VerdictKind.Block, conversation.Server(Http.Ok(Eicar.Text, Binary, "Content-Encoding: zstd\r\n")));
    }

    [Theory]
    [InlineData(AntivirusChoice.Block, VerdictKind.Block)]
    [InlineData(AntivirusChoice.Pass, VerdictKind.Alert)]
    public void An_object_above_the_limit_is_left_to_the_setting(AntivirusChoice choice, VerdictKind verdict)
    {
        using var system = new AntivirusSystem(fixture.Settings with { ObjectLimit = 2000, OnObjectLimit = choice }, fixture.Events);
        foreach (var response in new[] { Http.Ok(new string('x', 2001)), Http.Ok(Eicar.Gzip(new string('x', 500_000)), Binary, "Content-Encoding: gzip\r\n") })
        {
            using var conversation = new Conversation(system);
            conversation.Client(Http.Get("/"));
            Assert.Equal(verdict, conversation.Server(response));
            Assert.Contains("2000 bytes", conversation.Threat.Signature, StringComparison.Ordinal);
            if (choice == AntivirusChoice.Pass) Assert.Equal(response, conversation.ReleasedToClient);
        }

        Assert.Equal(0, system.Memory.Used);
    }

    [Fact]
    public void Malware_behind_a_megabyte_of_other_things_is_found()
    {
        using var system = new AntivirusSystem(fixture.Settings with { ObjectLimit = 4 << 20 }, fixture.Events);
        using var conversation = new Conversation(system);
        conversation.Client(Http.Get("/"));
        var response = Http.Ok(new string('x', 3 << 20) + Eicar.Text, Binary);
        for (var at = 0; at < response.Length; at += 32768)
            conversation.Server(response[at..Math.Min(at + 32768, response.Length)]);
        Assert.True(conversation.Blocked);
    }

    [Fact]
    public void A_file_that_is_beyond_a_limit_of_clamds_is_not_called_clean()
    {
        using var system = new AntivirusSystem(fixture.Settings with { ObjectLimit = 32 << 20 }, fixture.Events);
        using var conversation = new Conversation(system);
        conversation.Client(Http.Get("/"));
        Assert.Equal(VerdictKind.Block, conversation.Server(Http.Ok(new string('x', 9 << 20), Binary)));
        Assert.Contains("not scanned", conversation.Threat.Signature, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_object_is_reported_with_its_name_size_and_hash()
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/known/name"));
        conversation.Server(Http.Ok("abc"));
        var file = Assert.Single(fixture.Events.Of<FileObservation>(), f => f.Name == "/known/name");
        Assert.Equal((3L, "clean"), (file.Size, file.Verdict));
        Assert.Equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", file.Sha256);
    }

    private static string Response(string form, string content) => form switch
    {
        "plain" => Http.Ok(content, Binary),
        "gzip" => Http.Ok(Eicar.Gzip(content), Binary, "Content-Encoding: gzip\r\n"),
        "deflate" => Http.Ok(Eicar.Deflate(content), Binary, "Content-Encoding: deflate\r\n"),
        "br" => Http.Ok(Eicar.Brotli(content), Binary, "Content-Encoding: br\r\n"),
        "zip" => Http.Ok(Eicar.Zip(content), Binary),
        "zip in gzip" => Http.Ok(Eicar.Gzip(Eicar.Zip(content)), Binary, "Content-Encoding: gzip\r\n"),
        "chunked" => $"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{content[..5]}\r\n{content.Length - 5:x}\r\n{content[5..]}\r\n0\r\n\r\n",
        "until close" => $"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{content}",
        _ => Http.Ok(
            "--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n" + Eicar.Base64(content) + "\r\n--b--\r\n",
            "multipart/mixed; boundary=b"),
    };
}
