using Tosec.Actors.Inspection;
using Tosec.Engines.Waf;
using Tosec.Engines.Waf.Rules;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Engines.Waf;

/// <summary>The rules are loaded whole, with the limits that keep their work bounded.</summary>
public sealed class WafRulesSpecs(WafFixture fixture) : IClassFixture<WafFixture>
{
    [Fact]
    public void Every_regular_expression_in_force_has_a_step_limit()
    {
        Assert.True(fixture.System.RuleCount > 600, fixture.System.Description);
        Assert.Equal(0, fixture.System.UnlimitedExpressions);
        Assert.True(fixture.System.Rules.Expressions.Limited > 200);
        Assert.Contains("ModSecurity", fixture.System.Description);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("<")]
    [InlineData("(")]
    [InlineData("'")]
    [InlineData("$")]
    [InlineData(";")]
    [InlineData("`")]
    [InlineData("!")]
    [InlineData("()")]
    [InlineData("{}<>")]
    public void Long_run_of_a_mark_is_denied_before_the_rules_work_on_it(string mark)
    {
        using var conversation = new Conversation(fixture.System);
        var run = string.Concat(Enumerable.Repeat(Uri.EscapeDataString(mark), 2000));
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Form("a=" + run)));
        Assert.Equal(BaseRules.LongRun, conversation.Threat.SignatureId);
        Assert.Equal("attack-dos", conversation.Threat.Category);
        Assert.DoesNotContain(949110, conversation.Threat.MatchedRules);
    }

    [Theory]
    [InlineData("a")]
    [InlineData("0")]
    [InlineData("-")]
    [InlineData("=")]
    [InlineData(" ")]
    public void Long_run_that_honest_text_has_passes(string c)
    {
        using var conversation = new Conversation(fixture.System);
        var run = string.Concat(Enumerable.Repeat(Uri.EscapeDataString(c), 300));
        var verdict = conversation.Client(Http.Form($"text=Chapter+1{run}the+end"));
        Assert.True(verdict == VerdictKind.Pass, string.Join(" ", conversation.Threats.SelectMany(t => t.MatchedRules)));
    }

    [Fact]
    public void More_arguments_than_allowed_are_denied()
    {
        using var conversation = new Conversation(fixture.System);
        var limit = fixture.System.Settings.ArgumentsLimit;
        var form = string.Join('&', Enumerable.Range(0, limit + 1).Select(i => $"a{i}=1"));
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Form(form)));
        Assert.Equal(BaseRules.TooManyArguments, conversation.Threat.SignatureId);
    }

    [Fact]
    public void Body_that_cannot_be_parsed_is_denied()
    {
        using var conversation = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Block, conversation.Client(Http.Json("{\"a\":")));
        Assert.Equal(BaseRules.UnreadableBody, conversation.Threat.SignatureId);
    }

    [Fact]
    public void Paranoia_level_is_in_force()
    {
        var request = Http.Get("/?q=" + Uri.EscapeDataString("a' and b"));
        using var lenient = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Pass, lenient.Client(request));
        using var system = new WafSystem(WafFixture.Reference with { ParanoiaLevel = 4 });
        using var paranoid = new Conversation(system);
        Assert.Equal(VerdictKind.Block, paranoid.Client(request));
    }

    [Fact]
    public void Allowed_methods_are_in_force()
    {
        using var allowed = new Conversation(fixture.System);
        Assert.Equal(VerdictKind.Pass, allowed.Client(Http.Get("/item/7").Replace("GET", "DELETE")));
        using var system = new WafSystem(WafFixture.Reference with { AllowedMethods = ["GET"] });
        using var refused = new Conversation(system);
        Assert.Equal(VerdictKind.Block, refused.Client(Http.Get("/item/7").Replace("GET", "DELETE")));
        Assert.Equal(911100, refused.Threat.SignatureId);
    }

    [Fact]
    public void Detection_only_alerts_and_lets_pass()
    {
        using var system = new WafSystem(WafFixture.Reference with { DetectionOnly = true });
        using var conversation = new Conversation(system);
        var attack = Http.Get("/?file=../../../../etc/passwd");
        Assert.Equal(VerdictKind.Alert, conversation.Client(attack));
        Assert.Equal(attack, conversation.ReleasedToServer);
        Assert.Equal("attack-lfi", conversation.Threat.Category);
        Assert.True(conversation.Threat.Answer.IsEmpty);
        Assert.Equal(VerdictKind.Pass, conversation.Server(Http.Ok("<p>x</p>")[..^2]));
        Assert.Equal(VerdictKind.Pass, conversation.Server("p>"));
        Assert.Equal(VerdictKind.Alert, conversation.Client("not http\r\n\r\n"));
        Assert.Equal(VerdictKind.Pass, conversation.Client("still not http"));
    }

    [Fact]
    public void Body_limit_may_pass_what_follows_it()
    {
        using var system = new WafSystem(WafFixture.Reference with { OnBodyLimit = WafChoice.Pass, RequestBodyLimit = 100 });
        foreach (var body in new[] { "{\"a\":\"" + new string('x', 500) + "\"}" })
        {
            using var clean = new Conversation(system);
            Assert.Equal(VerdictKind.Pass, clean.Client(Http.Json(body)));
        }

        using var attack = new Conversation(system);
        Assert.Equal(VerdictKind.Block, attack.Client(Http.Form("a=<script>alert(1)</script>&b=" + new string('x', 500))));
        using var behind = new Conversation(system);
        Assert.Equal(VerdictKind.Pass, behind.Client(Http.Form("b=" + new string('x', 500) + "&a=<script>alert(1)</script>")));
    }

    [Fact]
    public void Rules_of_another_folder_are_in_force()
    {
        using var folder = new TemporaryDirectory();
        folder.Write("own.conf", "SecRule ARGS:q \"@streq own\" \"id:1000,phase:2,deny,status:403,log,msg:'Own rule',tag:'attack-own',severity:CRITICAL\"\n");
        using var system = new WafSystem(WafFixture.Reference with { RulesFolder = folder.Path });
        using var hit = new Conversation(system);
        Assert.Equal(VerdictKind.Block, hit.Client(Http.Get("/?q=own")));
        Assert.Equal((1000, "Own rule", "attack-own"), (hit.Threat.SignatureId, hit.Threat.Signature, hit.Threat.Category));
        using var missed = new Conversation(system);
        Assert.Equal(VerdictKind.Pass, missed.Client(Http.Get("/?file=../../../../etc/passwd")));
    }

    [Fact]
    public void Exclusions_beside_the_setup_file_are_in_force()
    {
        const string Attack = "?file=../../../../etc/passwd";
        using var folder = new TemporaryDirectory();
        var setup = folder.Write("crs-setup.conf", File.ReadAllText(WafFixture.Reference.SetupFile));
        folder.Write("REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf", "SecRule REQUEST_URI \"@beginsWith /old\" \"id:1000,phase:1,pass,nolog,ctl:ruleEngine=Off\"\n");
        folder.Write("RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf", "SecRuleRemoveById 911100\n");
        using var system = new WafSystem(WafFixture.Reference with { SetupFile = setup, AllowedMethods = ["GET"] });
        Assert.Equal(VerdictKind.Pass, Verdict(system, Http.Get("/old" + Attack)));
        Assert.Equal(VerdictKind.Block, Verdict(system, Http.Get("/new" + Attack)));
        Assert.Equal(VerdictKind.Pass, Verdict(system, Http.Get("/item/7").Replace("GET", "DELETE")));

        static VerdictKind Verdict(WafSystem system, string request)
        {
            using var conversation = new Conversation(system);
            return conversation.Client(request);
        }
    }

    [Fact]
    public void Missing_rules_and_refused_rules_are_said_by_name()
    {
        var missing = Assert.Throws<DirectoryNotFoundException>(
            () => new WafSystem(WafFixture.Reference with { RulesFolder = "/nonexistent" }));
        Assert.Contains("modsecurity-crs", missing.Message);

        var folder = Directory.CreateTempSubdirectory("tosec-rules-");
        try
        {
            File.WriteAllText(Path.Combine(folder.FullName, "broken.conf"), "SecNonsense On\n");
            var refused = Assert.Throws<InvalidDataException>(
                () => new WafSystem(WafFixture.Reference with { RulesFolder = folder.FullName }));
            Assert.Contains("broken.conf", refused.Message);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Inspectors_outlive_their_system()
    {
        var system = new WafSystem(WafFixture.Reference);
        var conversation = new Conversation(system);
        conversation.Client(Http.Form("name=Ada")[..^1]);
        system.Dispose();
        Assert.Equal(VerdictKind.Pass, conversation.Client("a"));
        conversation.Dispose();
    }
}
