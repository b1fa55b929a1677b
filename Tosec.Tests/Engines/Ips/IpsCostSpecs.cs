using System.Diagnostics;
using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Tests.Engines.Waf;
using Xunit.Abstractions;

namespace Tosec.Tests.Engines.Ips;

/// <summary>What inspection costs: nothing for a payload in managed memory; and, for people, how fast it is.</summary>
public sealed class IpsCostSpecs(ITestOutputHelper output)
{
    private const int Rules = 2_500;
    private const int Payloads = 5_000;

    // What a pool that grows once more may take. A single object for each payload would be more than 100,000.
    private const long Slack = 50_000;

    [Fact]
    public void Payload_allocates_nothing_whatever_it_carries()
    {
        using var bench = new IpsBench(Generated());
        using var inspector = bench.System.Open(Conversation.Facts(StreamDirection.Incoming));
        var request = Encoding.ASCII.GetBytes(Http.Post("/shop/item?id=7", "text/plain", "nothing to see here"));
        var response = Encoding.ASCII.GetBytes(Http.Ok("<p>all is well</p>"));
        Exchange(2_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Exchange(Payloads);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, Slack);

        void Exchange(int times)
        {
            for (var i = 0; i < times; i++)
            {
                // Not by Assert.Equal, which allocates.
                if (inspector.Inspect(StreamDirection.Incoming, request).Kind != VerdictKind.Pass) Assert.Fail("request");
                if (inspector.Inspect(StreamDirection.Outgoing, response).Kind != VerdictKind.Pass) Assert.Fail("response");
            }
        }
    }

    [Fact]
    public void Thousands_of_rules_load_and_each_finds_its_own()
    {
        var clock = Stopwatch.StartNew();
        using var bench = new IpsBench(Generated());
        output.WriteLine($"{Rules} rules: {clock.ElapsedMilliseconds} ms to load");
        Assert.Empty(bench.System.Problems);
        Assert.Equal(Rules, bench.System.RuleCount);
        for (var i = 0; i < Rules; i += 7) Assert.Equal([i + 1], bench.Sids(Hit(i)));

        // With the letters and digits that the rules' words have, or the prefilter would have nothing to do.
        var random = new Random(1);
        var page = Encoding.Latin1.GetBytes(Http.Ok(string.Create(63_000, random, static (text, random) =>
        {
            const string Letters = "abcdefghijklmnopqrstuvwxyz0123456789 ./<>=\"\u00ff";
            foreach (ref var c in text) c = Letters[random.Next(Letters.Length)];
        })));
        var request = Encoding.ASCII.GetBytes(Http.Get("/index.html?page=3"));
        using var inspector = bench.System.Open(Conversation.Facts(StreamDirection.Incoming));
        clock.Restart();
        for (var i = 0; i < 50; i++) inspector.Inspect(StreamDirection.Incoming, request);
        output.WriteLine($"{clock.Elapsed.TotalMicroseconds / 50:f1} us for a request");
        for (var i = 0; i < 50; i++) Assert.Equal(VerdictKind.Pass, inspector.Inspect(StreamDirection.Outgoing, page).Kind);
        clock.Restart();
        for (var i = 0; i < 500; i++)
        {
            Assert.Equal(VerdictKind.Pass, inspector.Inspect(StreamDirection.Incoming, request).Kind);
            Assert.Equal(VerdictKind.Pass, inspector.Inspect(StreamDirection.Outgoing, page).Kind);
        }

        output.WriteLine($"{page.Length * 500 / clock.Elapsed.TotalMicroseconds:f0} MB/s of responses of {page.Length} bytes");
        using var raw = bench.System.Open(Conversation.Facts(StreamDirection.Incoming) with { GuestEndPoint = new(new System.Net.IPAddress([10, 0, 0, 7]), 9) });
        raw.Inspect(StreamDirection.Incoming, "\0\0\0 binary"u8);
        clock.Restart();
        for (var i = 0; i < 500; i++) Assert.Equal(VerdictKind.Pass, raw.Inspect(StreamDirection.Incoming, page).Kind);
        output.WriteLine($"{page.Length * 500 / clock.Elapsed.TotalMicroseconds:f0} MB/s of another protocol");
        raw.Inspect(StreamDirection.Outgoing, "."u8);
        Assert.Equal(4, raw.Inspect(StreamDirection.Incoming, Hit(3)[0].Bytes).Threat?.SignatureId);
    }

    // Rules of the kinds that public sets are made of, each with a word of its own.
    private static string Generated() => string.Join('\n', Enumerable.Range(0, Rules).Select(i => (i % 5) switch
    {
        0 => Rule(i, "http", $"flow:established,to_server; http.method; content:\"GET\"; http.uri; content:\"/{Word(i)}/gate.php\"; fast_pattern; startswith; pcre:\"/\\/{Word(i)}\\/gate\\.php\\?[a-z]{{2}}=\\d+$/\";"),
        1 => Rule(i, "http", $"flow:established,to_server; http.user_agent; content:\"Mozilla/4.0 {Word(i)}\"; http.header_names; content:!\"Referer\";"),
        2 => Rule(i, "http", $"flow:established,to_client; http.stat_code; content:\"200\"; file.data; content:\"eval(\"; nocase; content:\"{Word(i)}\"; distance:0; within:60;"),
        3 => Rule(i, "tcp", $"flow:established,to_server; content:\"{Word(i)}|ff|\"; depth:40; byte_test:1,>,3,0,relative; isdataat:2,relative;"),
        _ => Rule(i, "tls", $"flow:established,to_server; tls.sni; dotprefix; content:\".{Word(i)}.example\"; endswith; fast_pattern;"),
    }));

    private static string Rule(int i, string protocol, string options) =>
        $"alert {protocol} any any -> any any (msg:\"GENERATED {i}\"; {options} classtype:trojan-activity; sid:{i + 1}; rev:1;)";

    private static string Word(int i) => $"{(char)('a' + (i % 26))}{i * 7919 % 10007:x4}{(char)('k' + (i % 13))}{i:x}";

    private static Said[] Hit(int i) => (i % 5) switch
    {
        0 => [Said.Client($"GET /{Word(i)}/gate.php?ab=12 HTTP/1.1\r\nHost: a\r\n\r\n")],
        1 => [Said.Client($"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: Mozilla/4.0 {Word(i)}\r\n\r\n")],
        2 => [Said.Client("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Said.Server(Http.Ok($"x EVAL( {Word(i)} )"))],
        3 => [Said.Client($"\0\0\0{Word(i)}\u00ff\u0009..")],
        _ => [new Said(true, ProtocolKeywordSpecs.Hello($"www.{Word(i)}.example"))],
    };
}
