using System.Text;
using CsCheck;
using Tosec.Actors.Inspection;
using Tosec.Engines.Ips;

namespace Tosec.Tests.Engines.Ips;

/// <summary>Made-up traffic: no parting of its bytes changes what is found, and nothing makes the engine throw.</summary>
public sealed class IpsPropertySpecs
{
    // Bits of talk that rules below look for or nearly look for, put together in every order.
    private static readonly string[] _pieces =
    [
        "one", "two", "three", "on", "e", "ONE", "\r\n", "\r\n\r\n", " ", ".", "..", "\0", "\x01\x02", "\xff\xfe", "GET ", "POST ", "/evil",
        "/a/../evil?x=%65vil", " HTTP/1.1\r\n", "Host: a.example\r\n", "Content-Length: 7\r\n", "Transfer-Encoding: chunked\r\n",
        "Cookie: one=two\r\n", "User-Agent: three\r\n", "5\r\none..\r\n", "0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "Set-Cookie: two\r\n",
        "Content-Type: text/html\r\n", "220 one\r\n", "EHLO two\r\n", "USER three\r\n", "SSH-2.0-one two\r\n", "\x16\x03\x01\x00\x05\x01\x00\x00\x01",
        "\x00\x00\x00\x08\xfeSMB", "b25l", "dHdv",
    ];

    private static readonly Gen<Said> _said =
        Gen.Select(Gen.Bool, OneOf(_pieces).Array[1, 12], (client, parts) => new Said(client, Encoding.Latin1.GetBytes(string.Concat(parts))));

    private static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static readonly Gen<byte[]> _splits = Gen.Byte.Array[1, 40];

    private static IpsBench Bench() => new(IpsBench.Alert(
        "content:\"one\"; content:\"two\"; distance:1; within:8;",
        "content:\"one\"; nocase; content:!\"two\"; distance:0; within:6;",
        "content:\"two\"; content:!\"three\";",
        "content:\"e\"; depth:5; content:\"one\"; distance:-3;",
        "content:\"one\"; endswith;",
        "content:\"two\"; startswith; isdataat:!10,relative;",
        "pcre:\"/on+e.*two$/s\";",
        "pcre:\"/(e|o)\\1|three(?!.)/\"; content:\"t\";",
        "content:\"three\"; pcre:\"/^.{0,4}one/R\"; content:\".\"; distance:0;",
        "dsize:>20; content:\"|00|\";",
        "dsize:<12; content:\"one\";",
        "content:\"|01|\"; byte_jump:1,0,relative; content:\".\"; within:2;",
        "byte_extract:1,1,n; content:\"e\"; offset:n; depth:40;",
        "content:\"b25\"; base64_decode:relative,offset 0; base64_data; content:\"!\";",
        "content:\"GET\"; base64_decode:offset 4; base64_data; content:\"one\";",
        "content:\"one\"; flowbits:set,seen; noalert;",
        "content:\"two\"; flowbits:isset,seen;",
        "http.uri; content:\"evil\"; content:!\"%65\";",
        "http.uri; to_uppercase; content:\"EVIL?X\";",
        "http.header; content:\"a.example\"; http.method; content:\"GET\";",
        "http.header_names; content:!\"Host\"; flow:to_server;",
        "http.request_body; content:\"one\"; content:\"..\"; distance:0;",
        "http.response_body; content:!\"one\"; content:\"two\";",
        "http.cookie; content:\"two\"; endswith;",
        "http.stat_code; content:\"200\"; file.data; bsize:<9; content:\"o\";",
        "ssh.software; content:\"one\"; bsize:3;") + "\nalert smtp any any -> any any (content:\"two\"; sid:900;)\n"
        + "alert http any any -> any any (content:\"three\"; sid:901;)", settings => settings with { OnUnreadable = IpsChoice.Pass, StepLimit = 10_000_000 });

    [Fact]
    public void Any_parting_of_the_bytes_gives_the_same_alerts()
    {
        using var bench = Bench();
        Assert.Empty(bench.System.Problems);
        Gen.Select(_said.Array[1, 6], _splits).Sample((talk, splits) =>
        {
            Same(bench, Joined(talk), talk => Parted(talk, splits));
        }, iter: 4000);
    }

    [Fact]
    public void Any_parting_of_a_stream_longer_than_the_window_gives_the_same_alerts()
    {
        using var bench = Bench();
        var filler = Gen.Select(Gen.Int[1, 60_000], OneOf(".", "one", "two.", "e", "\0"), (count, text) =>
            Encoding.Latin1.GetBytes(string.Concat(Enumerable.Repeat(text, count / text.Length))));
        var said = Gen.Select(_said, filler, (said, more) => said with { Bytes = [.. said.Bytes, .. more, .. said.Bytes] });
        var sizes = Gen.Int[1, 30_000].Array[1, 8];
        Gen.Select(said.Array[1, 3], sizes).Sample((talk, splits) =>
        {
            Same(bench, Joined(talk), talk => PartedBy(talk, splits));
        }, iter: 100);
    }

    [Fact]
    public void Random_bytes_never_throw()
    {
        using var bench = Bench();
        byte[][] starts = [[], "GET / HTTP/1.1\r\n"u8.ToArray(), ProtocolKeywordSpecs.Hello("a.example"), ProtocolKeywordSpecs.Question("a.example"), "SSH-"u8.ToArray()];
        Gen.Select(Gen.Int[0, starts.Length - 1], Gen.Byte.Array[0, 300], Gen.Byte.Array[0, 100], Gen.Int[0, 60], Gen.Bool, (start, client, server, change, dns) => (start, client, server, change, dns))
            .Sample(made =>
            {
                var first = starts[made.start].ToArray();
                if (first.Length > 0 && made.client.Length > 0) first[made.change % first.Length] = made.client[0];
                var facts = Conversation.Facts(StreamDirection.Incoming);
                if (made.dns) facts = facts with { GuestEndPoint = new(facts.GuestEndPoint.Address, 53) };
                using var conversation = new Conversation(bench.System, facts);
                conversation.Client(first);
                conversation.Server(made.server);
                conversation.Client(made.client);
                conversation.ClientEnds();
                conversation.ServerEnds();
            }, iter: 20_000);
    }

    [Fact]
    public void Random_rules_never_throw()
    {
        string[] words =
        [
            "alert ", "drop ", "tcp ", "http ", "any ", "-> ", "$HOME_NET ", "[", "]", "!", "(", ")", "content:", "\"", "|", "00", "ab", ";", ":",
            ",", "\\", "pcre:\"/", "/i\"", "sid:1;", "depth:", "5;", "http.uri;", "byte_test:", "1,>,", "flowbits:set,", "isdataat:", "threshold:type ",
            "base64_decode;", "base64_data;", "relative", "distance:", "-1;", "alert tcp any any -> any any (", "sid:7;)", "\u00e4", "\0",
        ];
        using var folder = new Tosec.Tests.Peer.TemporaryDirectory();
        OneOf(words).Array[0, 40].Sample(parts =>
        {
            var file = folder.Write($"{Environment.CurrentManagedThreadId}.rules", string.Concat(parts));
            var check = IpsSystem.Check([file], null, RuleVariables());
            Assert.All(check.Problems, problem => Assert.NotEqual("", problem.Reason));
        }, iter: 3000);

        static Tosec.Engines.Ips.Parsing.RuleVariables RuleVariables() => IpsBench.Reference.Variables;
    }

    private static void Same(IpsBench bench, Said[] talk, Func<Said[], IEnumerable<Said>> part)
    {
        var whole = string.Join(' ', bench.Sids(talk));
        var parted = string.Join(' ', bench.Sids(part(talk)));

        // Malformed HTTP (0) may be recognized sooner or later; by default it ends its connection.
        if (whole == parted || whole.StartsWith('0') || parted.StartsWith('0')) return;
        var shown = part(talk).Select(said => $"{(said.IsClient ? '>' : '<')} {Convert.ToHexString(said.Bytes.AsSpan(0, Math.Min(said.Bytes.Length, 200)))} ({said.Bytes.Length} bytes)");
        throw new InvalidOperationException($"whole: {whole}; parted: {parted}; {string.Join('\n', shown)}");
    }

    // Turns matter, so what one side says in one go is one.
    private static Said[] Joined(Said[] talk)
    {
        var joined = new List<Said>();
        foreach (var said in talk)
        {
            if (joined.Count > 0 && joined[^1].IsClient == said.IsClient) joined[^1] = said with { Bytes = [.. joined[^1].Bytes, .. said.Bytes] };
            else joined.Add(said);
        }

        return [.. joined];
    }

    private static IEnumerable<Said> Parted(Said[] talk, byte[] splits) => PartedBy(talk, [.. splits.Select(split => 1 + (split % 24))]);

    private static IEnumerable<Said> PartedBy(Said[] talk, int[] sizes)
    {
        var next = 0;
        foreach (var said in talk)
        {
            for (var at = 0; at < said.Bytes.Length;)
            {
                var end = Math.Min(at + sizes[next++ % sizes.Length], said.Bytes.Length);
                yield return said with { Bytes = said.Bytes[at..end] };
                at = end;
            }
        }
    }
}
