namespace Tosec.Tests.Engines.Ips;

/// <summary>Each keyword about payload: what it hits, and what it just misses, however the bytes are parted.</summary>
public sealed class PayloadKeywordSpecs
{
    [Theory]
    [InlineData("content:\"attack\";", "an attack!", "an attacc!")]
    [InlineData("content:\"at|74 61|ck\";", "an attack!", "an at74 61ck!")]
    [InlineData("content:\"a\\;b\\\"c\\\\d\\:e\";", "xa;b\"c\\d:ex", "xa;b\"c\\\\d:ex")]
    [InlineData("content:\"|00 ff|\";", "x\0\u00ffx", "x\0\u00fex")]
    [InlineData("content:\"AtTack\"; nocase;", "an aTTAck!", "an aTTAc k!")]
    [InlineData("content:\"x|c4|y\"; nocase;", "X\u00c4Y", "X\u00e4Y")]
    [InlineData("content:\"attack\"; depth:8;", "anattack!", "an attack!")]
    [InlineData("content:\"attack\"; offset:3;", "an attack!", "anattack!")]
    [InlineData("content:\"attack\"; offset:3; depth:6;", "an attack!", "an  attack!")]
    [InlineData("content:\"attack\"; startswith;", "attack!", "!attack")]
    [InlineData("content:\"attack\"; endswith;", "an attack", "an attack!")]
    [InlineData("content:\"one\"; content:\"two\"; distance:2;", "one..two", "one.two")]
    [InlineData("content:\"one\"; content:\"two\"; distance:0;", "onetwo", "twoone")]
    [InlineData("content:\"one\"; content:\"two\"; within:5;", "one..two", "one...two")]
    [InlineData("content:\"one\"; content:\"two\"; distance:1; within:4;", "one..two", "one...two")]
    [InlineData("content:\"one\"; content:\"two\"; distance:-7; within:3;", "two one", "two  one")]
    [InlineData("content:\"one\"; content:\"two\"; distance:1; within:3;", "one one.two", "one one..two")]
    [InlineData("content:\"one\"; content:!\"two\";", "one three", "one two")]
    [InlineData("content:\"one\"; content:!\"two\"; within:5;", "one...two", "one..two")]
    [InlineData("content:\"one\"; content:!\"two\"; distance:0;", "two one three", "one and two")]
    [InlineData("content:\"one\"; content:!\"two\"; depth:5;", "..one.two", "two.one")]
    [InlineData("content:\"attack\"; fast_pattern; content:\"an\";", "an attack", "no attacc")]
    [InlineData("content:\"attack\"; fast_pattern:2,3;", "attack", "a tack")]
    [InlineData("content:\"attack\"; fast_pattern:only;", "attack", "a tack")]
    [InlineData("content:\"attack\"; rawbytes;", "attack", "a tack")]
    [InlineData("pcre:\"/at+ack/\";", "an attttack", "an aack")]
    [InlineData("pcre:\"/AT+ACK/i\";", "an attack", "an aack")]
    [InlineData("pcre:\"/^two$/m\";", "one\ntwo\nthree", "one\ntwo three\n")]
    [InlineData("pcre:\"/^one.two$/s\";", "one\ntwo", "one\n\ntwo")]
    [InlineData("pcre:\"/o n e/x\";", "one", "o n e")]
    [InlineData("pcre:\"/two/A\";", "two", "one two")]
    [InlineData("pcre:\"/two$/E\";", "one two", "one two\n")]
    [InlineData("content:\"one\"; pcre:\"/^two/R\";", "onetwo", "one two")]
    [InlineData("content:\"one\"; pcre:!\"/two/\";", "one three", "one two")]
    [InlineData("content:\"one\"; pcre:\"/t.o/R\"; content:\"end\"; distance:1;", "one two end", "one twoend")]
    [InlineData("pcre:\"/(a|b)\\1c/\";", "xaac", "xabc")]
    [InlineData("pcre:\"/one(?!two)/\";", "onetw onethree", "onetwo")]
    [InlineData("content:\"one\"; isdataat:3,relative;", "one123", "one12")]
    [InlineData("content:\"one\"; isdataat:!3,relative;", "one12", "one123")]
    [InlineData("content:\"one\"; isdataat:5;", "one123", "one12")]
    [InlineData("content:\"one\"; isdataat:!5;", "one12", "one123")]
    [InlineData("dsize:3; content:\"one\";", "one", "one.")]
    [InlineData("dsize:>3; content:\"one\";", "one.", "one")]
    [InlineData("dsize:<4; content:\"one\";", "one", "one.")]
    [InlineData("dsize:3<>6; content:\"one\";", "one.", "one...")]
    [InlineData("dsize:!3; content:\"one\";", "one.", "one")]
    [InlineData("bsize:3; content:\"one\";", "one", "one.")]
    public void Keyword_hits_and_nearly_misses(string options, string hit, string miss)
    {
        using var bench = new IpsBench(IpsBench.Alert(options));
        Assert.Empty(bench.System.Problems);
        Assert.Equal([1], bench.SidsOfAnySplit(Said.Client(hit), Said.Server(".")));
        Assert.Empty(bench.SidsOfAnySplit(Said.Client(miss), Said.Server(".")));
    }

    [Theory]
    [InlineData("content:\"L\"; byte_test:1,=,5,0,relative;", "L\u0005", "L\u0006")]
    [InlineData("content:\"L\"; byte_test:1,!=,5,0,relative;", "L\u0006", "L\u0005")]
    [InlineData("content:\"L\"; byte_test:2,>,256,0,relative;", "L\u0001\u0001", "L\u0001\u0000")]
    [InlineData("content:\"L\"; byte_test:2,>,256,0,relative,little;", "L\u0000\u0002", "L\u0002\u0000")]
    [InlineData("content:\"L\"; byte_test:1,<=,5,1;", "\u0007\u0005L", "\u0005\u0007L")]
    [InlineData("content:\"L\"; byte_test:1,&,4,0,relative;", "L\u0006", "L\u0003")]
    [InlineData("content:\"L\"; byte_test:4,=,1234,0,relative,string,dec;", "L1234", "L1235")]
    [InlineData("content:\"L\"; byte_test:2,=,0xff,0,relative,string,hex;", "Lff", "Lfe")]
    [InlineData("content:\"L\"; byte_test:1,=,3,0,relative,bitmask 0xf0;", "L\u003f", "L\u002f")]
    [InlineData("content:\"L\"; byte_jump:1,0,relative; content:\"E\"; within:1;", "L\u0002..E", "L\u0003..E")]
    [InlineData("content:\"L\"; byte_jump:1,0,relative,multiplier 2; content:\"E\"; within:1;", "L\u0001..E", "L\u0002..E")]
    [InlineData("content:\"L\"; byte_jump:1,0,relative,post_offset -1; content:\"E\"; within:1;", "L\u0003..E", "L\u0002..E")]
    [InlineData("content:\"L\"; byte_jump:1,0,relative,from_beginning; content:\"E\"; within:1;", "L\u0003.E", "L\u0002.E")]
    [InlineData("content:\"L\"; byte_jump:0,0,from_end,post_offset -1; content:\"E\"; within:1;", "L..E", "L.E.")]
    [InlineData("content:\"L\"; byte_jump:1,0,relative,align; content:\"E\"; within:1;", "L\u0003....E", "L\u0003...E")]
    [InlineData("byte_extract:1,0,size; content:\"E\"; offset:size; depth:1;", "\u0003..E", "\u0002..E")]
    [InlineData("content:\"L\"; byte_extract:1,0,size,relative; content:\"E\"; distance:size; within:1;", "L\u0002..E", "L\u0001..E")]
    [InlineData("content:\"L\"; byte_extract:1,0,size,relative; byte_test:1,=,size,0,relative;", "L\u0002\u0002", "L\u0002\u0003")]
    [InlineData("content:\"L\"; byte_extract:1,0,size,relative; isdataat:size,relative;", "L\u0002..", "L\u0002.")]
    [InlineData("byte_math:bytes 1,offset 0,oper +,rvalue 2,result sum; content:\"E\"; offset:sum; depth:1;", "\u0001..E", "\u0002..E")]
    [InlineData("byte_math:bytes 1,offset 0,oper *,rvalue 3,result sum; byte_test:1,=,sum,1;", "\u0002\u0006", "\u0002\u0005")]
    [InlineData("byte_math:bytes 1,offset 0,oper <<,rvalue 1,result sum; byte_test:1,=,sum,1;", "\u0002\u0004", "\u0002\u0002")]
    [InlineData("content:\"B:\"; base64_decode:bytes 8,offset 1,relative; base64_data; content:\"attack\";", "B: YXR0YWNr", "B: YXR0YWNj")]
    public void Number_hits_and_nearly_misses(string options, string hit, string miss)
    {
        using var bench = new IpsBench(IpsBench.Alert(options));
        Assert.Empty(bench.System.Problems);
        if (hit.Length > 0) Assert.Equal([1], bench.SidsOfAnySplit(Said.Client(hit), Said.Server(".")));
        Assert.Empty(bench.SidsOfAnySplit(Said.Client(miss), Said.Server(".")));
    }

    [Fact]
    public void Pattern_is_found_although_the_other_side_speaks_in_between()
    {
        using var bench = new IpsBench(IpsBench.Alert("flow:to_server; content:\"attack\";", "flow:to_server; content:\"attack\"; depth:6;"));
        Assert.Equal([1], bench.SidsOfAnySplit(Said.Client("att"), Said.Server("what?"), Said.Client("ack")));
        Assert.Equal([1, 2], bench.SidsOfAnySplit(Said.Client("x"), Said.Server("what?"), Said.Client("attack")));
    }

    [Fact]
    public void Rule_fires_once_a_message()
    {
        using var bench = new IpsBench(IpsBench.Alert("flow:to_server; content:\"attack\";"));
        Assert.Equal([1], bench.SidsOfAnySplit(Said.Client("attack attack")));
        Assert.Equal([1, 1], bench.SidsOfAnySplit(Said.Client("attack attack"), Said.Server("no"), Said.Client("attack")));
        Assert.Equal([1], bench.SidsOfAnySplit(Said.Client("attack attack"), Said.Server("no"), Said.Client("peace")));
    }

    [Theory]
    [InlineData("any any -> any any", true)]
    [InlineData("203.0.113.5 any -> any any", true)]
    [InlineData("203.0.113.6 any -> any any", false)]
    [InlineData("203.0.113.0/24 any -> 10.0.0.0/8 8080", true)]
    [InlineData("203.0.113.5/24 any -> any any", true)]
    [InlineData("![203.0.113.0/24] any -> any any", false)]
    [InlineData("[203.0.113.0/24,!203.0.113.5] any -> any any", false)]
    [InlineData("any 51234 -> any [80,8000:8100]", true)]
    [InlineData("any any -> any [8000:8100,!8080]", false)]
    [InlineData("any any -> any !8080", false)]
    [InlineData("any any -> any :8080", true)]
    [InlineData("any any -> any 8081:", false)]
    [InlineData("10.0.0.7 8080 -> any any", false)]
    [InlineData("10.0.0.7 8080 <> any any", true)]
    [InlineData("$EXTERNAL_NET any -> $HOME_NET $HTTP_PORTS", true)]
    [InlineData("$HOME_NET any -> $EXTERNAL_NET any", false)]
    public void Header_says_whose_bytes(string header, bool fires)
    {
        using var bench = new IpsBench($"alert tcp {header} (flow:to_server; content:\"attack\"; sid:1;)");
        Assert.Empty(bench.System.Problems);
        Assert.Equal(fires ? [1] : [], bench.Sids([Said.Client("attack")]));
    }

    [Theory]
    [InlineData("flow:established,to_server;", true, false)]
    [InlineData("flow:from_client;", true, false)]
    [InlineData("flow:to_client;", false, true)]
    [InlineData("flow:from_server,established,only_stream;", false, true)]
    [InlineData("flow:stateless;", true, true)]
    public void Flow_says_which_direction(string flow, bool toServer, bool toClient)
    {
        using var bench = new IpsBench(IpsBench.Alert($"{flow} content:\"attack\";"));
        Assert.Equal(toServer ? [1] : [], bench.Sids([Said.Client("attack")]));
        Assert.Equal(toClient ? [1] : [], bench.Sids([Said.Server("attack")]));
    }

    [Fact]
    public void Rule_without_content_fires_for_every_message_it_covers()
    {
        using var bench = new IpsBench("alert tcp any any -> any 8080 (msg:\"x\"; flow:to_server; sid:1;)");
        Assert.Equal([1, 1], bench.SidsOfAnySplit(Said.Client("a"), Said.Server("b"), Said.Client("ccc")));
    }
}
