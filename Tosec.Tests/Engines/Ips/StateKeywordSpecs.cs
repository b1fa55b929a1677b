using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Engines.Ips;

namespace Tosec.Tests.Engines.Ips;

/// <summary>What remembers: flow bits in a connection, thresholds and sets of data over connections.</summary>
public sealed class StateKeywordSpecs
{
    [Fact]
    public void Flowbit_set_by_one_rule_is_seen_by_another_whatever_their_order()
    {
        using var bench = new IpsBench(IpsBench.Alert(
            "content:\"two\"; flowbits:isset,a;",
            "content:\"one\"; flowbits:set,a; flowbits:noalert;",
            "content:\"two\"; flowbits:isnotset,a;",
            "content:\"three\"; flowbits:isset,x|a;",
            "content:\"four\"; flowbits:unset,a;",
            "content:\"five\"; flowbits:isset,a; flowbits:set,b;",
            "content:\"five\"; flowbits:isset,b;"));
        Assert.Empty(bench.System.Problems);
        Assert.Equal([1], bench.SidsOfAnySplit(Said.Client("one two")));
        Assert.Equal([3], bench.SidsOfAnySplit(Said.Client("two")));
        Assert.Equal([1, 4], bench.SidsOfAnySplit(Said.Client("one"), Said.Server("two"), Said.Client("three")));
        Assert.Equal([5], bench.SidsOfAnySplit(Said.Client("one"), Said.Server("four"), Said.Client("three")));
        Assert.Equal([6, 7], bench.SidsOfAnySplit(Said.Client("one"), Said.Server("five")));
    }

    [Fact]
    public void Flowbit_is_of_one_connection()
    {
        using var bench = new IpsBench(IpsBench.Alert("content:\"one\"; flowbits:set,a; noalert;", "content:\"two\"; flowbits:isset,a;"));
        Assert.Empty(bench.Sids([Said.Client("one")]));
        Assert.Empty(bench.Sids([Said.Client("two")]));
    }

    [Fact]
    public void Flowbit_toggles()
    {
        using var bench = new IpsBench(IpsBench.Alert("content:\"one\"; flowbits:toggle,a; noalert;", "content:\"two\"; flowbits:isset,a;"));
        Assert.Equal([2], bench.Sids([Said.Client("one"), Said.Server("."), Said.Client("two")]));
        Assert.Empty(bench.Sids([Said.Client("one"), Said.Server("."), Said.Client("one"), Said.Server("."), Said.Client("two")]));
    }

    [Theory]
    [InlineData("threshold:type limit,track by_src,count 2,seconds 60;", "1 1 0 0 0", "1 1 0 0 0")]
    [InlineData("threshold:type threshold,track by_src,count 2,seconds 60;", "0 1 0 1 0", "0 1 0 1 0")]
    [InlineData("threshold:type both,track by_dst,count 2,seconds 60;", "0 1 0 0 0", "0 1 0 0 0")]
    [InlineData("threshold:type limit,track by_rule,count 1,seconds 60;", "1 0 0 0 0", "1 0 0 0 0")]
    [InlineData("threshold:type limit,track by_both,count 1,seconds 60;", "1 0 0 0 0", "1 0 0 0 0")]
    [InlineData("detection_filter:track by_src,count 3,seconds 60;", "0 0 0 1 1", "0 0 0 1 1")]
    [InlineData("threshold:type limit,track by_flow,count 1,seconds 60;", "1 0 0 0 0", "1 0 0 0 0")]
    public void Threshold_counts_over_connections_and_forgets_in_time(string option, string first, string later)
    {
        var time = new ManualTime();
        using var bench = new IpsBench(IpsBench.Alert($"content:\"one\"; {option}"), time: time);
        Assert.Empty(bench.System.Problems);
        Assert.Equal(first, Count());
        time.Pass(60);
        Assert.Equal(later, Count());

        string Count() => string.Join(' ', Enumerable.Range(0, 5).Select(_ => bench.Sids([Said.Client("one")]).Length));
    }

    [Fact]
    public void Detection_filter_counts_the_messages_of_one_connection()
    {
        using var bench = new IpsBench(IpsBench.Alert("flow:to_client; content:\"530 \"; detection_filter:track by_dst,count 3,seconds 60;"));
        var talk = Enumerable.Range(0, 5).SelectMany(_ => (Said[])[Said.Client("PASS x\r\n"), Said.Server("530 no\r\n")]);
        Assert.Equal([1, 1], bench.Sids(talk));
    }

    [Fact]
    public void Dataset_is_asked_and_changed()
    {
        using var bench = new IpsBench("");
        bench.Write("hosts.lst", Convert.ToBase64String("evil.example"u8) + "\n");
        bench.Write("hosts.md5", Convert.ToHexString(System.Security.Cryptography.MD5.HashData("worse.example"u8)) + "\n");
        bench.Rewrite(
            "alert http any any -> any any (http.host; dataset:isset,hosts,type string,load hosts.lst; sid:1;)\n"
            + "alert http any any -> any any (http.host; dataset:isset,sums,type md5,load hosts.md5; sid:2;)\n"
            + "alert http any any -> any any (http.host; dataset:isnotset,hosts; sid:3;)\n"
            + "alert http any any -> any any (http.user_agent; dataset:set,seen,type sha256; sid:4;)");
        bench.System.Reload();
        Assert.Empty(bench.System.Problems);
        Assert.Equal([1, 4], bench.Sids([Get("evil.example", "a")]));
        Assert.Equal([2, 3], bench.Sids([Get("worse.example", "a")]));
        Assert.Equal([3, 4], bench.Sids([Get("good.example", "b")]));

        static Said Get(string host, string agent) => Said.Client($"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n\r\n");
    }
}
