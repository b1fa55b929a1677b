using System.IO.Compression;
using System.Text;
using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Ips;

/// <summary>Each HTTP buffer: what a rule finds in it, and what it does not, however the bytes are parted.</summary>
public sealed class HttpKeywordSpecs
{
    private const string Request =
        "POST /shop//a/../Item%2e.php?id=%31&name=a+b HTTP/1.1\r\nHost: Shop.Example:8080\r\nUser-Agent: Mozilla/5.0\r\n"
        + "Accept: text/html\r\nAccept-Encoding: gzip\r\nAccept-Language: en\r\nReferer: http://other.example/\r\n"
        + "Cookie: session=abc\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\nContent-Length: 11\r\n\r\nHello World";

    private const string Response =
        "HTTP/1.1 404 Not Here\r\nServer: nginx/1.2\r\nSet-Cookie: id=7\r\nLocation: /there\r\nContent-Type: text/html\r\n"
        + "Content-Length: 9\r\n\r\n<h1>Hi</h";

    [Theory]
    [InlineData("http.method; content:\"POST\"; bsize:4;", true)]
    [InlineData("http.method; content:\"GET\";", false)]
    [InlineData("http.uri; content:\"/shop/Item..php?id=1&name=a+b\"; bsize:29;", true)]
    [InlineData("http.uri; content:\"%2e\";", false)]
    [InlineData("http.uri; content:\"Item\"; content:\"php\"; distance:2; within:3; endswith;", false)]
    [InlineData("http.uri.raw; content:\"/shop//a/../Item%2e.php?id=%31&name=a+b\"; bsize:39;", true)]
    [InlineData("urilen:29; http.method; content:\"POST\";", true)]
    [InlineData("urilen:39,raw; http.method; content:\"POST\";", true)]
    [InlineData("urilen:<29; http.method; content:\"POST\";", false)]
    [InlineData("http.request_line; content:\"POST /shop\"; startswith; content:\"HTTP/1.1\"; endswith;", true)]
    [InlineData("http.protocol; content:\"HTTP/1.1\"; bsize:8; flow:to_server;", true)]
    [InlineData("http.host; content:\"shop.example\"; bsize:12;", true)]
    [InlineData("http.host; content:\"Shop\";", false)]
    [InlineData("http.host.raw; content:\"Shop.Example:8080\"; bsize:17;", true)]
    [InlineData("http.user_agent; content:\"Mozilla/5.0\"; startswith; endswith;", true)]
    [InlineData("http.user_agent; content:\"curl\";", false)]
    [InlineData("http.cookie; content:\"session=abc\"; bsize:11; flow:to_server;", true)]
    [InlineData("http.referer; content:\"other.example\";", true)]
    [InlineData("http.accept; content:\"text/html\"; bsize:9;", true)]
    [InlineData("http.accept_enc; content:\"gzip\"; bsize:4;", true)]
    [InlineData("http.accept_lang; content:\"en\"; bsize:2;", true)]
    [InlineData("http.connection; content:\"keep-alive\"; flow:to_server;", true)]
    [InlineData("http.content_len; content:\"11\"; bsize:2; flow:to_server;", true)]
    [InlineData("http.content_len; byte_test:2,=,11,0,string,dec; flow:to_server;", true)]
    [InlineData("http.content_type; content:\"text/plain\"; flow:to_server;", true)]
    [InlineData("http.header; content:\"Accept|3a 20|text/html|0d 0a|\"; flow:to_server;", true)]
    [InlineData("http.header; content:\"session\"; flow:to_server;", false)]
    [InlineData("http.header_names; content:\"|0d 0a|Host|0d 0a|User-Agent|0d 0a|\"; startswith; flow:to_server;", true)]
    [InlineData("http.header_names; content:!\"Cookie\"; content:\"Content-Length|0d 0a 0d 0a|\"; endswith; flow:to_server;", true)]
    [InlineData("http.header.raw; content:\"Cookie: session=abc|0d 0a|\"; flow:to_server;", true)]
    [InlineData("http.request_header; content:\"accept: text/html\"; nocase; bsize:17;", true)]
    [InlineData("http.request_header; content:\"accept\"; nocase; startswith; content:\"keep\";", false)]
    [InlineData("http.start; content:\"POST /shop\"; startswith; content:\"|0d 0a|Host\"; flow:to_server;", true)]
    [InlineData("http.request_body; content:\"Hello World\"; bsize:11;", true)]
    [InlineData("http.request_body; content:\"World\"; endswith;", true)]
    [InlineData("http.request_body; content:\"Hello\"; endswith;", false)]
    [InlineData("http.request_body; content:\"Hello\"; content:!\"World\"; distance:0;", false)]
    [InlineData("file.data; content:\"Hello\"; flow:to_server;", true)]
    [InlineData("http.stat_code; content:\"404\"; bsize:3;", true)]
    [InlineData("http.stat_code; content:\"200\";", false)]
    [InlineData("http.stat_msg; content:\"Not Here\"; bsize:8;", true)]
    [InlineData("http.response_line; content:\"HTTP/1.1 404 Not Here\"; bsize:21;", true)]
    [InlineData("http.response_body; content:\"<h1>Hi\"; startswith;", true)]
    [InlineData("file.data; content:\"<h1>\"; flow:to_client;", true)]
    [InlineData("file_data; content:\"<h2>\";", false)]
    [InlineData("http.server; content:\"nginx\"; startswith;", true)]
    [InlineData("http.location; content:\"/there\"; bsize:6;", true)]
    [InlineData("http.cookie; content:\"id=7\"; flow:to_client;", true)]
    [InlineData("http.response_header; content:\"Server: nginx/1.2\"; bsize:17;", true)]
    [InlineData("content:\"POST\"; http_method; content:\"Item\"; http_uri; content:\"Mozilla\"; http_user_agent;", true)]
    [InlineData("content:\"World\"; http_client_body; content:\"shop.example\"; http_host;", true)]
    [InlineData("content:\"Hi\"; http_server_body; content:\"404\"; http_stat_code;", true)]
    [InlineData("content:\"Item\"; http_uri; content:\"php\"; distance:1; within:4; http_uri;", true)]
    [InlineData("pcre:\"/item.{2}php\\?/Ui\";", true)]
    [InlineData("pcre:\"/^hello world$/Pi\";", true)]
    [InlineData("pcre:\"/^hello$/Pi\";", false)]
    [InlineData("http.uri; to_lowercase; content:\"/shop/item\";", true)]
    [InlineData("http.uri; to_uppercase; content:\"/SHOP/ITEM\";", true)]
    [InlineData("http.request_body; strip_whitespace; content:\"HelloWorld\"; bsize:10;", true)]
    [InlineData("http.request_body; compress_whitespace; content:\"Hello World\";", true)]
    [InlineData("http.uri.raw; url_decode; content:\"id=1&name=a b\";", true)]
    [InlineData("http.host; dotprefix; content:\".shop.example\"; startswith;", true)]
    [InlineData("http.header; header_lowercase; content:\"user-agent: Mozilla\"; flow:to_server;", true)]
    [InlineData("http.user_agent; to_md5; content:\"|97 37|\"; startswith; bsize:16;", false)]
    [InlineData("http.user_agent; to_sha256; bsize:32;", true)]
    [InlineData("http.user_agent; to_sha1; bsize:20;", true)]
    [InlineData("content:\"POST /shop\";", true)]
    [InlineData("http.method; content:\"POST\"; http.uri; content:\"id=1\"; http.request_body; content:\"World\";", true)]
    [InlineData("http.method; content:\"POST\"; http.uri; content:\"id=2\"; http.request_body; content:\"World\";", false)]
    public void Buffer_holds_what_it_should(string options, bool fires)
    {
        using var bench = new IpsBench($"alert http any any -> any any (msg:\"x\"; {options} sid:1;)");
        Assert.Empty(bench.System.Problems);
        Assert.Equal(fires ? [1] : [], bench.SidsOfAnySplit(Said.Client(Request), Said.Server(Response)));
    }

    [Fact]
    public void Body_is_dechunked_and_inflated_before_rules_see_it()
    {
        using var bench = new IpsBench(
            "alert http any any -> any any (http.response_body; content:\"evil script\"; sid:1;)\n"
            + "alert http any any -> any any (http.request_body; content:\"evil request\"; sid:2;)");
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.Optimal)) gzip.Write("an evil script"u8);
        var body = packed.ToArray();
        var head = Encoding.Latin1.GetBytes(
            $"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {body.Length}\r\n\r\n");
        Assert.Equal([1, 2], bench.SidsOfAnySplit(
            Said.Client("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nevil \r\n7\r\nrequest\r\n0\r\n\r\n"),
            new Said(false, [.. head, .. body])));
    }

    [Theory]
    [InlineData("GET http://user@Evil.example:80/x HTTP/1.1\r\nHost: good.example\r\n\r\n")]
    [InlineData("GET http://evil.example HTTP/1.1\r\nHost: good.example\r\n\r\n")]
    [InlineData("GET /?u=http://good.example/ HTTP/1.1\r\nHost: EVIL.example:8080\r\n\r\n")]
    public void Host_of_the_target_counts_more_than_the_field(string request)
    {
        using var bench = new IpsBench("alert http any any -> any any (http.host; content:\"evil.example\"; bsize:12; sid:1;)");
        Assert.Equal([1], bench.SidsOfAnySplit(Said.Client(request)));
    }

    [Fact]
    public void What_follows_a_connect_waits_until_the_server_has_answered()
    {
        using var bench = new IpsBench("drop http any any -> any any (http.uri; content:\"/evil\"; sid:1;)");
        using var refused = new Conversation(bench.System);
        refused.Client("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n");
        Assert.Equal(VerdictKind.Hold, refused.Client("GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"));
        refused.Server("HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
        Assert.Equal(1, refused.Threat.SignatureId);

        using var tunnel = new Conversation(bench.System);
        tunnel.Client("CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n");
        tunnel.Server("HTTP/1.1 200 OK\r\n\r\n");
        Assert.Equal(VerdictKind.Pass, tunnel.Client("\u0016\u0003\u0001\0\u0005hello GET /evil HTTP/1.1\r\n\r\n"));
        Assert.Empty(tunnel.Threats);

        using var plain = new Conversation(bench.System);
        plain.Client("CONNECT a.example:80 HTTP/1.1\r\nHost: a.example\r\n\r\n");
        plain.Server("HTTP/1.1 200 OK\r\n\r\n");
        Assert.Equal(VerdictKind.Block, plain.Client("GET /evil HTTP/1.1\r\nHost: a\r\n\r\n"));
    }

    [Theory]
    [InlineData("no status line at all\r\n\r\nevil")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")]
    public void Response_that_is_none_or_that_nobody_asked_for_is_blocked(string response)
    {
        using var bench = new IpsBench("alert http any any -> any any (file.data; content:\"evil\"; sid:1;)");
        using var conversation = new Conversation(bench.System);
        conversation.Client("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        conversation.Server(response);
        Assert.True(conversation.Blocked);
        Assert.Equal("protocol-violation", conversation.Threat.Category);
    }

    [Fact]
    public void Exchanges_of_every_ordinary_kind_pass_unreported()
    {
        using var bench = new IpsBench(
            "alert http any any -> any any (http.response_body; content:\"evil\"; sid:1;)\n"
            + "alert http any any -> any any (http.request_body; content:\"evil\"; sid:2;)");
        Assert.Equal([1, 2], bench.SidsOfAnySplit(
            Said.Client("POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"),
            Said.Server("HTTP/1.1 100 Continue\r\n\r\n"),
            Said.Client("evil"),
            Said.Server("HTTP/1.1 204 No Content\r\n\r\n"),
            Said.Client("HEAD /b HTTP/1.1\r\nHost: a\r\n\r\n"),
            Said.Server("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"),
            Said.Client("GET /c HTTP/1.1\r\nHost: a\r\nIf-None-Match: x\r\n\r\nGET /d HTTP/1.1\r\nHost: a\r\n\r\n"),
            Said.Server("HTTP/1.1 304 Not Modified\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nev\r\n2\r\nil\r\n0\r\n\r\n"),
            Said.Client("GET /e HTTP/1.0\r\n\r\n"),
            Said.Server("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>until the end")));
    }

    [Fact]
    public void Every_request_of_a_connection_is_judged_for_itself()
    {
        using var bench = new IpsBench(
            "alert http any any -> any any (http.uri; content:\"/evil\"; http.user_agent; content:\"bad\"; sid:1;)");
        const string Evil = "GET /evil HTTP/1.1\r\nHost: a\r\nUser-Agent: good\r\n\r\n";
        const string Bad = "GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: bad\r\n\r\n";
        const string Both = "GET /evil HTTP/1.1\r\nHost: a\r\nUser-Agent: bad\r\n\r\n";
        Assert.Empty(bench.SidsOfAnySplit(Said.Client(Evil + Bad)));
        Assert.Equal([1, 1], bench.SidsOfAnySplit(Said.Client(Evil + Both + Bad + Both)));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd")]
    [InlineData("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")]
    [InlineData("GET /index\r\n")]
    public void Http_that_can_be_read_in_two_ways_is_blocked(string request)
    {
        using var bench = new IpsBench("alert http any any -> any any (http.uri; content:\"/evil\"; sid:1;)");
        using var conversation = new Conversation(bench.System);
        conversation.Client(request);
        Assert.True(conversation.Blocked);
        Assert.StartsWith("HTTP: ", conversation.Threat.Signature, StringComparison.Ordinal);

        using var lenient = new IpsBench(
            "alert tcp any any -> any any (content:\"evil\"; sid:1;)", settings => settings with { OnUnreadable = Tosec.Engines.Ips.IpsChoice.Pass });
        Assert.Equal([0, 1], lenient.Sids([Said.Client(request + "evil")]));
    }

    [Theory]
    [InlineData("get key\r\n")]
    [InlineData("GET key\r\n")]
    [InlineData("\0\x01GET / HTTP/1.1\r\n")]
    [InlineData("STAT\r\nGET / HTTP/1.1\r\n")]
    public void What_is_not_http_is_left_to_the_rules_about_payload(string bytes)
    {
        using var bench = new IpsBench(IpsBench.Alert("content:\"k\"; http_uri;", "content:\"T\";"));
        Assert.DoesNotContain(0, bench.SidsOfAnySplit(Said.Client(bytes), Said.Server("END\r\n")));
    }

    [Fact]
    public void Tunnel_goes_on_under_the_rules_about_payload()
    {
        using var bench = new IpsBench("drop tcp any any -> any any (content:\"evil\"; sid:1;)");
        using var conversation = new Conversation(bench.System);
        conversation.Client("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        conversation.Server("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
        conversation.Client("\u0081\u0004fine");
        Assert.False(conversation.Blocked);
        conversation.Client("\u0081\u0004evil");
        Assert.Equal(1, conversation.Threat.SignatureId);
    }

    [Fact]
    public void Event_tells_of_the_exchange()
    {
        using var bench = new IpsBench(
            "alert http any any -> any any (msg:\"bad answer\"; http.stat_code; content:\"404\"; classtype:web; priority:2; rev:7; gid:3; sid:9;)");
        using var conversation = new Conversation(bench.System);
        conversation.Client(Request);
        conversation.Server(Response);
        var threat = conversation.Threat;
        Assert.Equal((9, 7, 3, "bad answer", "web", 2), (threat.SignatureId, threat.Revision, threat.Group, threat.Signature, threat.Category, threat.Severity));
        Assert.Equal(new("Shop.Example:8080", "/shop//a/../Item%2e.php?id=%31&name=a+b", "POST", "HTTP/1.1", "Mozilla/5.0", 404), threat.Http);
    }
}
