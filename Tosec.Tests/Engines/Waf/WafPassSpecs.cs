using System.IO.Compression;
using System.Text;
using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Waf;

/// <summary>What honest clients and servers do passes unchanged.</summary>
public sealed class WafPassSpecs(WafFixture fixture) : IClassFixture<WafFixture>
{
    private const string Page = "<html><body>Hello, <b>world</b></body></html>";

    public static TheoryData<string> CleanRequests => new()
    {
        Http.Get("/"),
        Http.Get("/search?q=blue+shoes&page=2", "Cookie: session=abc123\r\n"),
        Http.Form("name=Ada+Lovelace&city=London"),
        Http.Json("""{"name":"Ada","tags":["a","b"],"age":36}"""),
        Http.Chunked("/api", "application/json", "{\"name\":", "\"Ada\"}"),
        Http.Post("/upload", "multipart/form-data; boundary=xyz", Http.Multipart("xyz", "photo", "cat.png", "\u0089PNG...data")),
        Http.PostHead("/empty", "text/xml", "Content-Length: 0\r\n"),
        "HEAD / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n",
        "GET / HTTP/1.0\r\nHost: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n",
    };

    [Theory]
    [MemberData(nameof(CleanRequests))]
    public void Clean_request_passes_unchanged(string request)
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Pass, conversation.Client(request));
        Assert.Equal(request, conversation.ReleasedToServer);
    }

    [Theory]
    [MemberData(nameof(CleanRequests))]
    public void Clean_request_passes_when_the_guest_is_the_client(string request)
    {
        using var conversation = new Conversation(fixture.System, StreamDirection.Outgoing);
        Assert.Equal(VerdictKind.Pass, conversation.Client(request));
    }

    [Fact]
    public void Keep_alive_exchanges_pass_one_after_the_other()
    {
        using var conversation = new Conversation(fixture.System);
        for (var i = 0; i < 20; i++)
        {
            Assert.Equal(VerdictKind.Pass, conversation.Client(i % 2 == 0 ? Http.Get($"/p{i}") : Http.Form($"n={i}")));
            Assert.Equal(VerdictKind.Pass, conversation.Server(Http.Ok(Page)));
        }

        Assert.Equal(VerdictKind.Pass, conversation.ClientEnds());
        Assert.Equal(VerdictKind.Pass, conversation.ServerEnds());
    }

    [Fact]
    public void Pipelined_requests_and_their_responses_pass()
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Pass, conversation.Client(Http.Get("/a") + Http.Form("x=1") + Http.Get("/b")));
        Assert.Equal(VerdictKind.Pass, conversation.Server(Http.Ok(Page) + Http.Ok("{}", "application/json") + Http.Ok(Page)));
        Assert.Equal(VerdictKind.Pass, conversation.Client(Http.Get("/c")));
        Assert.Equal(VerdictKind.Pass, conversation.Server(Http.Ok(Page)));
    }

    [Fact]
    public void Body_is_held_until_it_is_complete()
    {
        using var conversation = new Conversation(fixture.System);
        var request = Http.Form("name=Ada");
        Assert.Equal(VerdictKind.Hold, conversation.Client(request[..^4]));
        Assert.Equal("", conversation.ReleasedToServer);
        Assert.Equal(VerdictKind.Pass, conversation.Client(request[^4..]));
        Assert.Equal(request, conversation.ReleasedToServer);
    }

    [Fact]
    public void Head_that_expects_100_continue_passes_before_its_body()
    {
        using var conversation = new Conversation(fixture.System);
        var head = Http.PostHead("/f", "application/x-www-form-urlencoded", "Content-Length: 8\r\nExpect: 100-continue\r\n");
        Assert.Equal(VerdictKind.Pass, conversation.Client(head));
        Assert.Equal(VerdictKind.Pass, conversation.Server("HTTP/1.1 100 Continue\r\n\r\n"));
        Assert.Equal(VerdictKind.Hold, conversation.Client("name"));
        Assert.Equal(VerdictKind.Pass, conversation.Client("=Ada"));
        Assert.Equal(VerdictKind.Pass, conversation.Server(Http.Ok(Page)));
        Assert.Equal(VerdictKind.Pass, conversation.Client(Http.Get("/next")));
    }

    [Fact]
    public void Responses_without_a_body_keep_the_pairing()
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client("HEAD / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n" + Http.Get("/1") + Http.Get("/2"));
        Assert.Equal(VerdictKind.Pass, conversation.Server("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 99\r\n\r\n"));
        Assert.Equal(VerdictKind.Pass, conversation.Server("HTTP/1.1 204 No Content\r\n\r\n"));
        Assert.Equal(VerdictKind.Pass, conversation.Server("HTTP/1.1 304 Not Modified\r\nContent-Length: 12\r\n\r\n"));
        Assert.Equal(VerdictKind.Pass, conversation.Client(Http.Get("/3")));
        Assert.Equal(VerdictKind.Pass, conversation.Server(Http.Ok(Page)));
    }

    [Fact]
    public void Html_response_is_held_until_its_end()
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/"));
        var response = Http.Ok(Page);
        Assert.Equal(VerdictKind.Hold, conversation.Server(response[..^5]));
        Assert.Equal(VerdictKind.Pass, conversation.Server(response[^5..]));
        Assert.Equal(response, conversation.ReleasedToClient);
    }

    [Fact]
    public void Response_until_close_is_decided_at_the_end_of_its_stream()
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/"));
        Assert.Equal(VerdictKind.Hold, conversation.Server("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n" + Page));
        Assert.Equal(VerdictKind.Pass, conversation.ServerEnds());
        Assert.EndsWith(Page, conversation.ReleasedToClient);
    }

    [Fact]
    public void Compressed_response_is_read_and_passes()
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/"));
        var body = Gzip(Page);
        Assert.Equal(VerdictKind.Pass, conversation.Server(Http.Ok(body, fields: "Content-Encoding: gzip\r\n")));
        Assert.EndsWith(body, conversation.ReleasedToClient);
    }

    [Fact]
    public void Download_streams_without_being_held_or_allocating()
    {
        using var conversation = new Conversation(fixture.System);
        using var inspector = fixture.System.Open(Conversation.Facts(StreamDirection.Incoming));
        var request = Encoding.Latin1.GetBytes(Http.Get("/image.iso"));
        Assert.Equal(VerdictKind.Pass, inspector.Inspect(StreamDirection.Incoming, request).Kind);
        const int Payload = 64 * 1024, Count = 1600;
        var head = $"HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {(long)Payload * Count}\r\n\r\n";
        Assert.Equal(VerdictKind.Pass, inspector.Inspect(StreamDirection.Outgoing, Encoding.Latin1.GetBytes(head)).Kind);
        var payload = new byte[Payload];
        inspector.Inspect(StreamDirection.Outgoing, payload);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 1; i < Count - 1; i++)
            if (inspector.Inspect(StreamDirection.Outgoing, payload).Kind != VerdictKind.Pass) Assert.Fail("held");
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
        Assert.Equal(VerdictKind.Pass, inspector.Inspect(StreamDirection.Outgoing, payload).Kind);
        Assert.Equal(VerdictKind.Pass, inspector.Inspect(StreamDirection.Incoming, request).Kind);
    }

    [Fact]
    public void Html_beyond_the_limit_passes_uninspected()
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/"));
        var limit = fixture.System.Settings.ResponseBodyLimit;
        var body = new string('a', limit * 2);
        var response = Http.Ok(body, "text/plain");
        Assert.Equal(VerdictKind.Hold, conversation.Server(response[..1000]));
        Assert.Equal(VerdictKind.Pass, conversation.Server(response[1000..(limit + 1000)]));
        Assert.Equal(VerdictKind.Pass, conversation.Server(response[(limit + 1000)..]));
        Assert.Equal(response, conversation.ReleasedToClient);
    }

    [Fact]
    public void Large_upload_is_inspected_to_the_limit_and_then_passes()
    {
        using var conversation = new Conversation(fixture.System);
        var limit = fixture.System.Settings.RequestBodyLimit;
        var body = Http.Multipart("xyz", "f", "a.bin", new string('z', limit * 3));
        var request = Http.Post("/upload", "multipart/form-data; boundary=xyz", body);
        Assert.Equal(VerdictKind.Hold, conversation.Client(request[..limit]));
        Assert.Equal(VerdictKind.Pass, conversation.Client(request[limit..(limit * 2)]));
        Assert.Equal(VerdictKind.Pass, conversation.Client(request[(limit * 2)..]));
        Assert.Equal(request, conversation.ReleasedToServer);
        Assert.Equal(VerdictKind.Pass, conversation.Server(Http.Ok(Page)));
    }

    [Fact]
    public void Early_response_to_a_large_upload_passes()
    {
        using var conversation = new Conversation(fixture.System);
        var limit = fixture.System.Settings.RequestBodyLimit;
        var request = Http.Post("/upload", "multipart/form-data; boundary=xyz", Http.Multipart("xyz", "f", "a.bin", new string('z', limit * 3)));
        Assert.Equal(VerdictKind.Pass, conversation.Client(request[..(limit * 2)]));
        Assert.Equal(VerdictKind.Pass, conversation.Server("HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n"));
        Assert.Equal(VerdictKind.Pass, conversation.Client(request[(limit * 2)..]));
        Assert.Equal(VerdictKind.Pass, conversation.Client(Http.Get("/")));
        Assert.Equal(VerdictKind.Pass, conversation.Server(Http.Ok(Page)));
    }

    [Fact]
    public void Connection_without_a_byte_may_end()
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Pass, conversation.ClientEnds());
        Assert.Equal(VerdictKind.Pass, conversation.ServerEnds());
    }

    private static string Gzip(string text)
    {
        var target = new MemoryStream();
        using (var gzip = new GZipStream(target, CompressionLevel.Optimal)) gzip.Write(Encoding.Latin1.GetBytes(text));
        return Encoding.Latin1.GetString(target.ToArray());
    }
}
