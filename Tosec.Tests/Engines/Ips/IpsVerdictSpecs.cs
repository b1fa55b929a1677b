using Tosec.Actors.Inspection;
using Tosec.Engines.Ips;
using Tosec.Tests.Engines.Waf;

namespace Tosec.Tests.Engines.Ips;

/// <summary>What becomes of a connection whose bytes match.</summary>
public sealed class IpsVerdictSpecs
{
    [Theory]
    [InlineData("drop")]
    [InlineData("reject")]
    public void Drop_and_reject_end_the_connection_before_the_payload_passes(string action)
    {
        using var bench = new IpsBench($"{action} tcp any any -> any any (msg:\"no\"; content:\"attack\"; sid:1;)");
        using var conversation = new Conversation(bench.System);
        Assert.Equal(VerdictKind.Pass, conversation.Client("an att"));
        Assert.Equal(VerdictKind.Block, conversation.Client("ack"));
        Assert.Equal("an att", conversation.ReleasedToServer);
        Assert.Equal(VerdictKind.Block, conversation.Client("more"));
        Assert.Equal(VerdictKind.Block, conversation.Server("more"));
        Assert.Equal(VerdictKind.Block, conversation.ServerEnds());
        Assert.Equal("no", conversation.Threat.Signature);
    }

    [Fact]
    public void Detection_only_blocks_nothing_and_reports_all()
    {
        using var bench = new IpsBench(
            "drop tcp any any -> any any (content:\"attack\"; sid:1;)", settings => settings with { DetectionOnly = true });
        using var conversation = new Conversation(bench.System);
        Assert.Equal(VerdictKind.Alert, conversation.Client("attack"));
        Assert.Equal("attack", conversation.ReleasedToServer);
        Assert.Equal(1, conversation.Threat.SignatureId);
    }

    [Fact]
    public void Pass_lets_the_rest_of_the_connection_go()
    {
        using var bench = new IpsBench(
            "drop tcp any any -> any any (content:\"attack\"; sid:1;)\npass tcp any any -> any any (content:\"friend\"; sid:2;)");
        using var friend = new Conversation(bench.System);
        Assert.Equal(VerdictKind.Pass, friend.Client("attack by a friend"));
        Assert.Equal(VerdictKind.Pass, friend.Server("attack"));
        using var foe = new Conversation(bench.System);
        Assert.Equal(VerdictKind.Block, foe.Client("attack by a foe"));
    }

    [Fact]
    public void Everything_found_in_a_payload_is_reported_with_its_own_facts()
    {
        using var bench = new IpsBench(
            "drop tcp any any -> any any (msg:\"a\"; content:\"one\"; priority:1; sid:1;)\n"
            + "alert tcp any any -> any any (msg:\"b\"; content:\"two\"; rev:5; sid:2;)\n"
            + "alert tcp any any -> any any (msg:\"c\"; content:\"two\"; sid:3;)");
        using var conversation = new Conversation(bench.System);
        conversation.Client("two");
        Assert.Equal([2, 3], IpsBench.Sids(conversation));
        Assert.Equal((5, "b"), (conversation.Threat.Revision, conversation.Threat.Signature));
        conversation.Client(" one");
        Assert.Equal(1, conversation.Threats[1].SignatureId);
    }

    [Fact]
    public void Class_gives_category_and_priority()
    {
        using var files = new Tosec.Tests.Peer.TemporaryDirectory();
        var classes = files.Write("classification.config", "# classes\nconfig classification: trojan,A Trojan was found,1\n");
        using var bench = new IpsBench(
            "alert tcp any any -> any any (content:\"one\"; classtype:trojan; sid:1;)\n"
            + "alert tcp any any -> any any (content:\"two\"; classtype:trojan; priority:4; sid:2;)\n"
            + "alert tcp any any -> any any (content:\"three\"; classtype:other; sid:3;)",
            settings => settings with { Classification = classes });
        Assert.Equal(("A Trojan was found", 1), Facts("one"));
        Assert.Equal(("A Trojan was found", 4), Facts("two"));
        Assert.Equal(("other", 3), Facts("three"));

        (string, int) Facts(string payload)
        {
            using var conversation = new Conversation(bench.System);
            conversation.Client(payload);
            return (conversation.Threat.Category, conversation.Threat.Severity);
        }
    }

    [Fact]
    public void What_happened_before_the_window_is_judged_before_it_goes()
    {
        using var bench = new IpsBench(IpsBench.Alert("content:\"one\"; content:\"two\"; distance:0;", "content:\"two\"; content:!\"x\"; within:20000;"));
        var filler = new string('.', 10_000);
        var talk = Enumerable.Range(0, 30).SelectMany(i => (Said[])[Said.Client(i == 20 ? "one" : ""), Said.Client(filler), Said.Client(i == 21 ? "two" : "")]);
        Assert.Equal([1, 2], bench.Sids(talk.Where(said => said.Bytes.Length > 0)));
    }

    [Fact]
    public void Bytes_made_to_cost_time_wait_and_are_judged_in_the_end()
    {
        using var bench = new IpsBench(string.Join('\n', Enumerable.Range(1, 40).Select(i =>
            $"drop tcp any any -> any any (content:\"a\"; fast_pattern; content:\"b\"; distance:0; content:\"c{i}\"; distance:0; sid:{i};)")));
        using var conversation = new Conversation(bench.System);
        var verdicts = new HashSet<VerdictKind>();
        for (var i = 0; i < 20_000; i++) verdicts.Add(conversation.Client(i == 0 ? "ab" : "."));
        Assert.Equal([VerdictKind.Pass, VerdictKind.Hold], verdicts.Order());
        conversation.Client("c7");
        Assert.True(conversation.Blocked || conversation.ClientHoldLimit() == VerdictKind.Block);
        Assert.Equal(7, conversation.Threat.SignatureId);
    }

    [Fact]
    public void Keys_that_are_typed_do_not_wait()
    {
        using var bench = new IpsBench(IpsBench.Alert("content:\"root\"; content:\"secret\"; distance:0;", "pcre:\"/never.{3}here/\";"));
        using var conversation = new Conversation(bench.System);
        for (var i = 0; i < 30_000; i++)
        {
            if (conversation.Client(i == 0 ? "root" : "k") != VerdictKind.Pass) Assert.Fail($"key {i}");
            if (conversation.Server("echo") != VerdictKind.Pass) Assert.Fail($"echo {i}");
        }

        Assert.Equal(VerdictKind.Alert, conversation.Client("secret"));
    }

    [Theory]
    [InlineData(IpsChoice.Block)]
    [InlineData(IpsChoice.Pass)]
    public void Rule_that_needs_more_steps_than_allowed_is_not_taken_for_a_no(IpsChoice choice)
    {
        using var bench = new IpsBench(
            "alert tcp any any -> any any (content:\"a\"; content:\"a\"; distance:1; content:\"a\"; distance:1; content:\"b\"; distance:1; within:1; sid:1;)",
            settings => settings with { OnLimit = choice, StepLimit = 1000 });
        using var conversation = new Conversation(bench.System);
        conversation.Client(new string('a', 2000));
        Assert.Equal((0, "engine-limit"), (conversation.Threat.SignatureId, conversation.Threat.Category));
        Assert.Equal(choice == IpsChoice.Block, conversation.Blocked);
    }

    [Fact]
    public void Regular_expression_that_explodes_is_stopped()
    {
        using var bench = new IpsBench("alert tcp any any -> any any (content:\"a\"; pcre:\"/^(a|aa)+$/\"; sid:1;)");
        using var conversation = new Conversation(bench.System);
        conversation.Client(new string('a', 5000) + "!");
        conversation.ClientEnds();
        Assert.Equal("engine-limit", conversation.Threat.Category);
    }

    [Fact]
    public void Http_that_would_take_memory_without_bound_cannot_be_read()
    {
        using var bench = new IpsBench(IpsBench.Alert("http.uri; content:\"/evil\";"));
        using var requests = new Conversation(bench.System);
        for (var i = 0; i < 64; i++) Assert.Equal(VerdictKind.Pass, requests.Client(Http.Get("/")));
        Assert.Equal(VerdictKind.Block, requests.Client(Http.Get("/")));
        Assert.Equal("HTTP: too many requests without a response", requests.Threat.Signature);

        using var answered = new Conversation(bench.System);
        for (var i = 0; i < 200; i++)
        {
            Assert.Equal(VerdictKind.Pass, answered.Client(Http.Get("/")));
            Assert.Equal(VerdictKind.Pass, answered.Server(Http.Ok(new string('x', 70_000))));
        }

        var field = "X-Field: " + new string('x', 1000) + "\r\n";
        using var request = new Conversation(bench.System);
        request.Client(Http.Get("/")[..^2]);
        for (var i = 0; i < 70 && !request.Blocked; i++) request.Client(field);
        Assert.Equal("HTTP: head longer than can be read", request.Threat.Signature);

        using var response = new Conversation(bench.System);
        response.Client(Http.Get("/"));
        response.Server("HTTP/1.1 200 OK\r\n");
        for (var i = 0; i < 70 && !response.Blocked; i++) response.Server(field);
        Assert.Equal("HTTP: head longer than can be read", response.Threat.Signature);
    }
}
