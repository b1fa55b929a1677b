using Tosec.Engines.Ips;
using Tosec.Engines.Ips.Parsing;

namespace Tosec.Tests.Engines.Ips;

/// <summary>A rule is honoured completely, or refused with its place, its number, the keyword and the reason.</summary>
public sealed class RuleFileSpecs
{
    [Fact]
    public void Refused_rule_is_named_by_file_line_number_and_keyword_and_the_others_load()
    {
        using var bench = new IpsBench(
            """
            # a comment
            alert tcp any any -> any any (content:"one"; sid:1;)

            alert tcp any any -> any any ( \
                content:"two"; \
                flowint:x,+,1; sid:2;)
            #alert tcp any any -> any any (content:"off"; sid:9;)
            alert udp any any -> any any (content:"three"; sid:3;)
            alert tcp any any -> any any (content:"four"; sid:4;)
            alert tcp any any -> any any (content:"four again"; sid:4;)
            """);
        Assert.Equal(2, bench.System.RuleCount);
        Assert.Collection(
            bench.System.Problems,
            problem => Assert.Equal((4, 2L, "flowint", "counters of a connection are not kept"), (problem.Line, problem.Sid, problem.Keyword, problem.Reason)),
            problem => Assert.Equal((8, 3L, "protocol"), (problem.Line, problem.Sid, problem.Keyword)),
            problem => Assert.Equal((10, 4L, "sid"), (problem.Line, problem.Sid, problem.Keyword)));
        Assert.Matches("test\\.rules:4: 2: flowint: counters", bench.System.Problems[0].ToString());
        Assert.Equal([1, 4], bench.Sids([Said.Client("one two three four")]));
    }

    [Theory]
    [InlineData("alert tcp any any -> any any content:\"x\"; sid:1;", "rule")]
    [InlineData("alert tcp any any -> any any (content:\"x\"; sid:1;", "rule")]
    [InlineData("alert tcp any any -> any any (content:\"x\"; sid:1)", "rule")]
    [InlineData("alert tcp any any -> any any (;sid:1;)", "rule")]
    [InlineData("alert tcp any -> any any (sid:1;)", "header")]
    [InlineData("log tcp any any -> any any (sid:1;)", "action")]
    [InlineData("alert gopher any any -> any any (sid:1;)", "protocol")]
    [InlineData("alert icmp any any -> any any (sid:1;)", "protocol")]
    [InlineData("alert http any any => any any (sid:1;)", "direction")]
    [InlineData("alert tcp any any <- any any (sid:1;)", "direction")]
    [InlineData("alert tcp $NOBODY any -> any any (sid:1;)", "address")]
    [InlineData("alert tcp 10.0.0.256 any -> any any (sid:1;)", "address")]
    [InlineData("alert tcp 10.0.0.0/33 any -> any any (sid:1;)", "address")]
    [InlineData("alert tcp [10.0.0.1 any -> any any (sid:1;)", "header")]
    [InlineData("alert tcp !any any -> any any (sid:1;)", "address")]
    [InlineData("alert tcp ![!10.0.0.1] any -> any any (sid:1;)", "address")]
    [InlineData("alert tcp any 70000 -> any any (sid:1;)", "port")]
    [InlineData("alert tcp any 90:80 -> any any (sid:1;)", "port")]
    [InlineData("alert tcp any : -> any any (sid:1;)", "port")]
    [InlineData("alert tcp any $NOPORT -> any any (sid:1;)", "port")]
    public void Malformed_rule_is_refused(string rule, string keyword) => Refuses(rule, keyword);

    [Theory]
    [InlineData("content:\"x\";", "sid")]
    [InlineData("content:\"x\"; sid:0;", "sid")]
    [InlineData("content:\"x\"; sid:one;", "sid")]
    [InlineData("content:x; sid:1;", "content")]
    [InlineData("content:\"\"; sid:1;", "content")]
    [InlineData("content:\"|0|\"; sid:1;", "content")]
    [InlineData("content:\"|00\"; sid:1;", "content")]
    [InlineData("content:\"a\\b\"; sid:1;", "content")]
    [InlineData("content:\"a\"b\"; sid:1;", "content")]
    [InlineData("nocase; sid:1;", "nocase")]
    [InlineData("content:\"x\"; nocase:1; sid:1;", "nocase")]
    [InlineData("content:\"long\"; depth:3; sid:1;", "depth")]
    [InlineData("content:\"x\"; content:\"long\"; within:3; sid:1;", "within")]
    [InlineData("content:\"x\"; offset:1; distance:1; sid:1;", "content")]
    [InlineData("content:\"x\"; startswith; depth:1; sid:1;", "startswith")]
    [InlineData("content:\"x\"; endswith; depth:5; sid:1;", "endswith")]
    [InlineData("content:!\"x\"; fast_pattern; sid:1;", "fast_pattern")]
    [InlineData("content:\"x\"; fast_pattern:0,2; sid:1;", "fast_pattern")]
    [InlineData("content:\"x\"; offset:size; sid:1;", "offset")]
    [InlineData("content:\"x\"; offset:-1; sid:1;", "offset")]
    [InlineData("pcre:\"x\"; sid:1;", "pcre")]
    [InlineData("pcre:\"/(/\"; sid:1;", "pcre")]
    [InlineData("pcre:\"/x/q\"; sid:1;", "pcre")]
    [InlineData("pcre:\"/x/UP\"; sid:1;", "pcre")]
    [InlineData("pcre:\"/(x)/, flow:name\"; sid:1;", "pcre")]
    [InlineData("flow:to_server,to_client; content:\"x\"; sid:1;", "flow")]
    [InlineData("flow:sideways; content:\"x\"; sid:1;", "flow")]
    [InlineData("flow:not_established; content:\"x\"; sid:1;", "flow")]
    [InlineData("http.uri; sid:1;", "buffer")]
    [InlineData("http.uri; content:\"x\"; http.stat_code; content:\"200\"; sid:1;", "http.stat_code")]
    [InlineData("flow:to_client; http.uri; content:\"x\"; sid:1;", "http.uri")]
    [InlineData("http.uri; content:\"x\"; tls.sni; content:\"y\"; sid:1;", "protocol")]
    [InlineData("http.uri; content:\"x\"; pkt_data; content:\"y\"; sid:1;", "content")]
    [InlineData("to_lowercase; content:\"x\"; sid:1;", "to_lowercase")]
    [InlineData("http.uri; content:\"x\"; to_lowercase; sid:1;", "to_lowercase")]
    [InlineData("content:\"x\"; http_uri; http_method; sid:1;", "http_method")]
    [InlineData("byte_test:1,=,5; sid:1;", "byte_test")]
    [InlineData("byte_test:9,=,5,0; sid:1;", "byte_test")]
    [InlineData("byte_test:1,~,5,0; sid:1;", "byte_test")]
    [InlineData("byte_test:1,=,5,0,dce; sid:1;", "byte_test")]
    [InlineData("byte_test:1,=,5,0,hex; sid:1;", "byte_test")]
    [InlineData("byte_test:1,=,5,0,sideways; sid:1;", "byte_test")]
    [InlineData("byte_jump:1,0,multiplier x; sid:1;", "byte_jump")]
    [InlineData("byte_extract:1,0,a; byte_extract:1,1,a; sid:1;", "byte_extract")]
    [InlineData("byte_math:bytes 1,offset 0,oper %,rvalue 1,result a; sid:1;", "byte_math")]
    [InlineData("byte_math:bytes 1,offset 0,oper +,result a; sid:1;", "byte_math")]
    [InlineData("base64_data; content:\"x\"; sid:1;", "base64_data")]
    [InlineData("base64_decode; sid:1;", "base64_decode")]
    [InlineData("isdataat:x; sid:1;", "isdataat")]
    [InlineData("isdataat:1,sideways; sid:1;", "isdataat")]
    [InlineData("dsize:5<>4; sid:1;", "dsize")]
    [InlineData("bsize:; sid:1;", "bsize")]
    [InlineData("urilen:5,half; sid:1;", "urilen")]
    [InlineData("flowbits:set; content:\"x\"; sid:1;", "flowbits")]
    [InlineData("flowbits:set,a|b; content:\"x\"; sid:1;", "flowbits")]
    [InlineData("threshold:type limit,track by_src,count 1; content:\"x\"; sid:1;", "threshold")]
    [InlineData("threshold:type limit,track by_moon,count 1,seconds 1; content:\"x\"; sid:1;", "threshold")]
    [InlineData("detection_filter:type limit,track by_src,count 1,seconds 1; content:\"x\"; sid:1;", "detection_filter")]
    [InlineData("http.host; dataset:isset,unknown; sid:1;", "dataset")]
    [InlineData("http.host; dataset:isset,a,type string,load /nowhere/a; sid:1;", "dataset")]
    [InlineData("dataset:isset,a,type string; sid:1;", "dataset")]
    [InlineData("reference:cve; content:\"x\"; sid:1;", "reference")]
    [InlineData("priority:0; content:\"x\"; sid:1;", "priority")]
    [InlineData("target:both; content:\"x\"; sid:1;", "target")]
    [InlineData("xbits:set,a,track ip_src; content:\"x\"; sid:1;", "xbits")]
    [InlineData("tag:session,10,packets; content:\"x\"; sid:1;", "tag")]
    [InlineData("lua:x.lua; sid:1;", "lua")]
    [InlineData("tls.cert_subject; content:\"x\"; sid:1;", "tls.cert_subject")]
    [InlineData("stream_size:server,>,5; sid:1;", "stream_size")]
    [InlineData("nosuchthing; sid:1;", "nosuchthing")]
    public void Option_that_cannot_be_honoured_refuses_its_rule(string options, string keyword) =>
        Refuses($"alert tcp any any -> any any ({options})", keyword);

    [Fact]
    public void What_a_rule_says_of_itself_is_accepted()
    {
        using var bench = new IpsBench(IpsBench.Alert(
            "content:\"x\"; reference:cve,2020-1234; reference:url,example.org/a; metadata:a b, c d; target:dest_ip; classtype:misc; priority:2; rev:4; gid:1;"));
        Assert.Empty(bench.System.Problems);
    }

    [Fact]
    public void Variables_that_name_each_other_end()
    {
        using var bench = new IpsBench(
            "alert tcp $A any -> any any (content:\"x\"; sid:1;)",
            settings => settings with { Variables = new RuleVariables(new Dictionary<string, string> { ["A"] = "[$B]", ["B"] = "$A" }, new Dictionary<string, string>()) });
        Assert.Equal("address", Assert.Single(bench.System.Problems).Keyword);
    }

    [Fact]
    public void Every_keyword_that_is_honoured_is_in_the_documentation()
    {
        var text = File.ReadAllText(Repository.File("docs", "engines.md"));
        Assert.All(Keywords.Honoured, keyword => Assert.Contains($"`{keyword}`", text, StringComparison.Ordinal));
    }

    private static void Refuses(string rule, string keyword)
    {
        using var bench = new IpsBench(rule);
        var problem = Assert.Single(bench.System.Problems);
        Assert.Equal(keyword, problem.Keyword);
        Assert.NotEqual("", problem.Reason);
        Assert.Equal(0, bench.System.RuleCount);
    }
}
