using Tosec.Actors.Inspection;
using Tosec.Engines.Waf;

namespace Tosec.Tests.Engines.Waf;

/// <summary>What a server could read differently, and what is not HTTP, is blocked with a reason.</summary>
public sealed class WafProtocolSpecs(WafFixture fixture) : IClassFixture<WafFixture>
{
    private const string Head = "POST / HTTP/1.1\r\nHost: shop.example\r\nUser-Agent: x\r\nAccept: */*\r\nContent-Type: application/x-www-form-urlencoded\r\n";

    public static TheoryData<string> Ambiguous => new()
    {
        Head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        Head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        Head + "Content-Length: 5, 5\r\n\r\nabcde",
        Head + "Content-Length: +5\r\n\r\nabcde",
        Head + "Content-Length: 0x5\r\n\r\nabcde",
        Head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        Head + "Transfer-Encoding: identity\r\n\r\n",
        Head + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        Head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        Head + "Transfer-Encoding:\u000bchunked\r\n\r\n0\r\n\r\n",
        Head + "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        Head + "X: y\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        Head + "X: y\rTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        Head + "X: y\0z\r\nContent-Length: 0\r\n\r\n",
        Head + "Host: other.example\r\nContent-Length: 0\r\n\r\n",
        Head + "no colon here\r\nContent-Length: 0\r\n\r\n",
        Head + "Transfer-Encoding: chunked\r\n\r\n5\nabcde\r\n0\r\n\r\n",
        Head + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nabcde\r\n0\r\n\r\n",
        Head + "Transfer-Encoding: chunked\r\n\r\n 5\r\nabcde\r\n0\r\n\r\n",
        Head + "Transfer-Encoding: chunked\r\n\r\n5\r\nabcdeXX0\r\n\r\n",
        Head + "Transfer-Encoding: chunked\r\n\r\n5;\u0001=x\r\nabcde\r\n0\r\n\r\n",
        Head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-Trailer: 1\r\n\r\n",
        Head + "Transfer-Encoding: chunked\r\n\r\nfffffffff\r\nabcde\r\n0\r\n\r\n",
        Head.Replace("HTTP/1.1", "HTTP/1.0") + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        Head + "Content-Type: text/plain\r\nContent-Length: 0\r\n\r\n",
        Head + "Content-Encoding: gzip\r\nContent-Encoding: identity\r\nContent-Length: 0\r\n\r\n",
        Head + "Expect: 100-continue\r\nExpect: x\r\nContent-Length: 0\r\n\r\n",
        "GET / HTTP/1.1\nHost: a.example\n\n",
        "GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "GET /\0 HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "G(T / HTTP/1.1\r\nHost: a.example\r\n\r\n",
    };

    public static TheoryData<string> NotHttp => new()
    {
        "\u0016\u0003\u0001\u0002\0\u0001\0\u0001\u00fc\u0003\u0003",
        "SSH-2.0-OpenSSH_9.2p1\r\n",
        "EHLO mail.example\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /\r\n",
        "GET / HTTP/0.9\r\n\r\n",
        "GET / HTTP/3\r\n\r\n",
        "CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example\r\n\r\n",
        "\r\n\r\n\0\0",
        " GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket, h2c\r\n\r\n",
    };

    [Theory]
    [MemberData(nameof(Ambiguous))]
    [MemberData(nameof(NotHttp))]
    public void What_cannot_be_read_without_doubt_is_blocked(string bytes)
    {
        using var conversation = new Conversation(fixture.System);
        var verdict = conversation.Client(bytes);
        Assert.True(verdict == VerdictKind.Block, $"{verdict}: {bytes}");
        Assert.Equal("", conversation.ReleasedToServer);
        Assert.Equal(0, conversation.Threat.SignatureId);
        Assert.Equal("protocol-violation", conversation.Threat.Category);
        Assert.StartsWith("HTTP: ", conversation.Threat.Signature);
    }

    [Theory]
    [MemberData(nameof(NotHttp))]
    public void What_is_not_http_does_not_reach_the_server_byte_by_byte(string bytes)
    {
        using var conversation = new Conversation(fixture.System);
        foreach (var c in bytes)
            if (conversation.Client(c.ToString()) == VerdictKind.Block) break;
        Assert.True(conversation.Blocked);
        Assert.True(conversation.ReleasedToServer.Trim() == "" || bytes.StartsWith("GET / HTTP/1.1"), conversation.ReleasedToServer);
    }

    [Theory]
    [MemberData(nameof(NotHttp))]
    [InlineData("BREW /?a=b HTTP/1.1\r\nGET :/ HTTP/1.1\r\nHost: a.example\r\n\r\n")]
    [InlineData("no request\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n")]
    public void What_stands_behind_a_request_is_judged_as_the_next_one(string bytes)
    {
        foreach (var before in new[] { Http.Get("/"), Http.Form("a=b"), Http.Chunked("/", "application/json", "[1]") })
        {
            using var conversation = new Conversation(fixture.System);
            conversation.Client(before + bytes);
            Assert.True(conversation.Blocked);
            Assert.Equal("", conversation.ReleasedToServer);
            Assert.Equal("protocol-violation", conversation.Threat.Category);
        }
    }

    [Theory]
    [InlineData("G")]
    [InlineData("GET /?file=../../../../etc/passwd HTTP/1.1")]
    [InlineData("no line that ever ends")]
    public void Incomplete_line_behind_a_request_is_held(string bytes)
    {
        foreach (var before in new[] { Http.Get("/"), Http.Form("a=b"), Http.Chunked("/", "application/json", "[1]") })
        {
            using var conversation = new Conversation(fixture.System);
            Assert.Equal(VerdictKind.Hold, conversation.Client(before + bytes));
            Assert.Equal("", conversation.ReleasedToServer);
            Assert.Equal(VerdictKind.Block, conversation.ClientEnds());
        }
    }

    [Fact]
    public void Head_and_line_longer_than_allowed_are_blocked()
    {
        using var line = new Conversation(fixture.System);
        line.Client("GET /" + new string('a', fixture.System.Settings.LineLimit + 10));
        line.Client(new string('a', fixture.System.Settings.LineLimit + 10));
        Assert.True(line.Blocked);

        using var head = new Conversation(fixture.System);
        head.Client("GET / HTTP/1.1\r\nHost: a.example\r\n");
        for (var i = 0; i < 100 && !head.Blocked; i++) head.Client($"X-{i}: {new string('a', 1000)}\r\n");
        Assert.True(head.Blocked);

        using var fields = new Conversation(fixture.System);
        fields.Client(Http.Get("/", string.Concat(Enumerable.Range(0, 200).Select(i => $"X-{i}: 1\r\n"))));
        Assert.True(fields.Blocked);
    }

    [Fact]
    public void More_unanswered_requests_than_allowed_are_blocked()
    {
        using var conversation = new Conversation(fixture.System);
        for (var i = 0; i < fixture.System.Settings.PendingLimit; i++)
            Assert.Equal(VerdictKind.Pass, conversation.Client(Http.Get("/")));
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Get("/")));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
    [InlineData("220 ftp.example ready\r\n")]
    public void Server_that_speaks_first_is_blocked(string bytes)
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Server(bytes[..1]);
        Assert.True(conversation.Blocked);
        Assert.Equal("", conversation.ReleasedToClient);
    }

    [Theory]
    [InlineData("-ERR not http\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
    public void Response_that_cannot_be_read_without_doubt_is_blocked(string bytes)
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/"));
        conversation.Server(bytes);
        Assert.True(conversation.Blocked);
        Assert.True(conversation.Threat.Answer.IsEmpty);
    }

    [Fact]
    public void Web_socket_is_blocked_at_its_101()
    {
        using var conversation = WebSocket(fixture.System);
        Assert.True(conversation.Blocked);
        Assert.Contains("upgrade", conversation.Threat.Signature);
    }

    [Fact]
    public void Web_socket_passes_when_the_settings_say_so()
    {
        using var system = new WafSystem(WafFixture.Reference with { Upgrade = WafChoice.Pass });
        using var conversation = WebSocket(system);
        Assert.False(conversation.Blocked);
        Assert.Equal(VerdictKind.Pass, conversation.Client("\u0081\u0085mask....."));
        Assert.Equal(VerdictKind.Pass, conversation.Server("\u0081\u0005hello"));

        using var unasked = new Conversation(system);
        unasked.Client(Http.Get("/"));
        Assert.Equal(VerdictKind.Block, unasked.Server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"));
    }

    private static Conversation WebSocket(WafSystem system)
    {
        var conversation = new Conversation(system);
        Assert.Equal(VerdictKind.Pass, conversation.Client(Http.Get(
            "/chat", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")));
        conversation.Server("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n");
        return conversation;
    }
}
