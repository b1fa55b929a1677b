using System.Net;
using CsCheck;
using Tosec.Actors.Chains;
using Tosec.Node.Configuration;

namespace Tosec.Tests.Node.Configuration;

public class SettingsTests
{
    [Fact]
    public void Defaults_are_those_of_the_reference_files()
    {
        var settings = Parse(Site("") + Node("tovm"));
        Assert.Equal(("n1", NodeRole.Tovm, "/run/tosec", (ushort)0), (settings.Name, settings.Role, settings.RunDirectory, settings.HostNumber));
        Assert.Equal("/run/tosec/n1.ctl", settings.ControlSocket);
        Assert.Equal(new LogSettings(LogVerbosity.Info, null), settings.Log);
        Assert.Equal((true, "127.0.0.1", 0, 0, false), (settings.Cluster.Join, settings.Cluster.Hostname, settings.Cluster.Port, settings.Cluster.SeedNodes.Count, settings.Cluster.Insecure));
        Assert.Null(settings.Cluster.Tls);
        Assert.Equal(["a", "b"], settings.Tovm!.Guests);
        Assert.Null(settings.Svm);
        Assert.Null(settings.Guest);
        var guest = settings.Host.Guests["b"];
        Assert.Equal((4096, 64), (guest.Streams, guest.Channels));
        Assert.Equal((64L << 20, 64L << 20, 64L << 20), (guest.SendPoolBytes, guest.SealedPoolBytes, guest.ReceivePoolBytes));
        Assert.Empty(guest.Addresses);
        var chain = settings.Policy.Chains["web"];
        Assert.Equal((ChainMode.Sequential, SealMode.Copy, FailurePolicy.Block), (chain.Mode, chain.Seal, chain.OnFailure));
        Assert.Equal((1L << 20, TimeSpan.FromSeconds(10)), (chain.HoldLimitBytes, chain.HoldDeadline));
        Assert.Empty(settings.Policy.Rules);
    }

    [Fact]
    public void Everything_written_is_read()
    {
        var settings = Parse(Site("""
            policy = [
              { guest = a, tenant = red, direction = incoming, protocol = tcp, address = "10.0.0.0/8", port = "80-90", chain = web }
              { chain = deny }
            ]
            """) + Node("svm") + """
            tosec.node.name = waf1
            tosec.svm {
              type = waf
              guests = [a]
              event-file = "/tmp/e.json"
            }
            tosec.cluster {
              hostname = localhost
              port = 4000
              seed-nodes = ["h1:4001", "[::1]:4002"]
            }
            tosec.log.level = debug
            """);
        Assert.Equal(new SvmSettings("waf", settings.Svm!.Guests, "/tmp/e.json"), settings.Svm);
        Assert.Equal(["a"], settings.Svm.Guests);
        Assert.Equal([new DnsEndPoint("h1", 4001), new DnsEndPoint("::1", 4002)], settings.Cluster.SeedNodes);
        Assert.Equal(LogVerbosity.Debug, settings.Log.Level);
        Assert.Equal([IPAddress.Parse("127.1.0.1"), IPAddress.Parse("fd00::1")], settings.Host.Guests["a"].Addresses);
        Assert.Equal((64, 1, 256L << 10), (settings.Host.Guests["a"].Streams, settings.Host.Guests["a"].Channels, settings.Host.Guests["a"].SendPoolBytes));
        var rule = settings.Policy.Rules[0];
        Assert.Equal(("a", "red", PolicyDirection.Incoming, "10.0.0.0/8", "80-90", "web"), (rule.Guest, rule.Tenant, rule.Direction, rule.Address.ToString(), rule.Ports.ToString(), rule.Chain));
        Assert.Equal(new PolicyRule(), settings.Policy.Rules[1]);
    }

    [Fact]
    public void A_guests_node_is_no_member_and_knows_its_socket()
    {
        var settings = Parse(Node("guest") + "tosec.guest.guest = a\ntosec.node.run-directory = \"/tmp/r\"\n");
        Assert.False(settings.Cluster.Join);
        Assert.Equal(new GuestSettings("a", "/tmp/r/a/agent.sock", UnixFileMode.UserRead | UnixFileMode.UserWrite), settings.Guest);
        Assert.Equal("n1", Parse(Node("guest")).Guest!.Guest);
    }

    [Fact]
    public void A_value_for_all_guests_may_stand_once()
    {
        var settings = Parse(Site("host.guest-defaults.streams = 128") + Node("host"));
        Assert.Equal((64, 128), (settings.Host.Guests["a"].Streams, settings.Host.Guests["b"].Streams));
        Assert.Equal("blue", Parse("tosec.host { \n guest-defaults { tenant = blue }\n guests { c { } } }\n" + Node("host")).Host.Guests["c"].Tenant);
    }

    [Fact]
    public void The_akka_section_is_passed_through()
    {
        Assert.Equal("7s", Parse(Node("host") + "akka.cluster.gossip-interval = 7s").Akka.GetString("akka.cluster.gossip-interval", null));
        Assert.True(Parse(Node("host")).Akka.IsEmpty);
    }

    [Theory]
    [InlineData("tosec.node.rolle = host", "unknown key tosec.node.rolle in n.conf; did you mean tosec.node.role?")]
    [InlineData("tosec.svm.typ = waf", "unknown key tosec.svm.typ in n.conf; did you mean tosec.svm.type?")]
    [InlineData("tosec.run-directory = x", "unknown key tosec.run-directory in n.conf; did you mean tosec.node.run-directory?")]
    [InlineData("tosec.host.guests.a.stream = 64", "unknown key tosec.host.guests.a.stream in n.conf; did you mean tosec.host.guests.a.streams?")]
    [InlineData("tosec.chains.web.quux = 1", "unknown key tosec.chains.web.quux in n.conf; known here: hold-deadline, hold-limit, mode, on-failure, seal, svms")]
    [InlineData("tosec.policy = [ { chian = web } ]", "tosec.policy[1].chain is missing in n.conf; allowed: web or deny")]
    [InlineData("tosec.policy = [ { chain = web\nadress = \"*\" } ]", "unknown key tosec.policy[1].adress in n.conf; did you mean tosec.policy[1].address?")]
    [InlineData("tosc.node.name = x", "unknown section \"tosc\" in n.conf; allowed: tosec, akka and petabridge")]
    [InlineData("tosec.node.role = svn", "tosec.node.role in n.conf is \"svn\"; allowed: host, tovm, svm or guest")]
    [InlineData("tosec.node.name = \"a/b\"", "tosec.node.name in n.conf is \"a/b\"; allowed: letters")]
    [InlineData("tosec.node.host-number = 65536", "tosec.node.host-number in n.conf is \"65536\"; allowed: a whole number from 0 to 65535")]
    [InlineData("tosec.node.host-number = 1.5", "tosec.node.host-number in n.conf is \"1.5\"; allowed: a whole number")]
    [InlineData("tosec.node.host-number { x = 1 }", "tosec.node.host-number in n.conf is a section; allowed: a whole number")]
    [InlineData("tosec.node.host-number = [1]", "tosec.node.host-number in n.conf is a list; allowed: a whole number")]
    [InlineData("tosec.log = 7", "tosec.log in n.conf is \"7\"; allowed: a section { … }")]
    [InlineData("tosec.attachment = pic", "tosec.attachment in n.conf is \"pic\"; allowed: process or pci")]
    [InlineData("tosec.host.guests.a.streams = 100", "tosec.host.guests.a.streams in n.conf is \"100\"; allowed: a power of two from 64 to 65536")]
    [InlineData("tosec.host.guests.a.channels = 0", "tosec.host.guests.a.channels in n.conf is \"0\"; allowed: a whole number from 1 to 256")]
    [InlineData("tosec.host.guests.a.send-pool = 4097", "tosec.host.guests.a.send-pool in n.conf is \"4097\"; allowed: bytes from 256k to 16g in multiples of 4k")]
    [InlineData("tosec.host.guests.a.addresses = [\"0.0.0.0\"]", "tosec.host.guests.a.addresses in n.conf is \"0.0.0.0\"; allowed: a list of IPv4")]
    [InlineData("tosec.host.guests.b.tenant = red\ntosec.host.guests.b.addresses = [\"fd00::1\"]", "tosec.host.guests.b.addresses in n.conf is a list with fd00::1, which a has")]
    [InlineData("tosec.host.guests.b.addresses = [\"fd00::1\"]", "tosec.host.guests.b.addresses in n.conf is a list with fd00::1, which a has")]
    [InlineData("tosec.host.guests.b.addresses = [\"127.255.3.4\"]", "tosec.host.guests.b.addresses in n.conf is a list with 127.255.3.4; allowed: no address of 127.255.0.0/16")]
    [InlineData("tosec.host.guests.a.svms = [waf1, waf1]", "tosec.host.guests.a.svms in n.conf is a list with waf1 2 times; allowed: each value once")]
    [InlineData("tosec.host.guests.a.svms = [nope]", "tosec.host.guests.a.svms in n.conf is a list with nope; allowed: names of tosec.host.svms: waf1, cnt")]
    [InlineData("tosec.host.guests.c { }", "tosec.host.guests.c.tenant is missing in n.conf; allowed: letters")]
    [InlineData("tosec.host.guests.waf1.tenant = x", "tosec.host.guests.waf1 in n.conf: an SVM has that name")]
    [InlineData("tosec.tovm.guests = [nope]", "tosec.tovm.guests in n.conf is a list with nope; allowed: names of tosec.host.guests: a, b")]
    [InlineData("tosec.tovm.guests = some", "tosec.tovm.guests in n.conf is \"some\"; allowed: *")]
    [InlineData("tosec.chains.web.svms = [av]", "tosec.chains.web.svms in n.conf is \"av\"; allowed: a list of SVM types (waf, ips, antivirus, auditor, counter)")]
    [InlineData("tosec.chains.web.hold-deadline = 5", "tosec.chains.web.hold-deadline in n.conf is \"5\"; allowed: a time from 10ms to 1h")]
    [InlineData("tosec.chains.deny.svms = []", "tosec.chains.deny in n.conf: no chain can be named deny")]
    [InlineData("tosec.policy = [ { chain = nope } ]", "tosec.policy[1].chain in n.conf is \"nope\"; allowed: web or deny")]
    [InlineData("tosec.policy = [ { chain = web\naddress = \"10.1.0.0/8\" } ]", "tosec.policy[1].address in n.conf is \"10.1.0.0/8\"; allowed:")]
    [InlineData("tosec.policy = [ { chain = web\nguest = nope } ]", "tosec.policy[1].guest in n.conf is \"nope\"; allowed: \"*\" or one of tosec.host.guests: a, b")]
    [InlineData("tosec.policy = [ { chain = web\ntenant = nope } ]", "tosec.policy[1].tenant in n.conf is \"nope\"; allowed: \"*\" or a tenant")]
    [InlineData("tosec.policy = [ { chain = web } ]", "tosec.policy[1].chain in n.conf is \"web\"; allowed: a chain whose SVM types the guest b has (web needs waf; tosec.host.guests.b.svms is [])")]
    [InlineData("tosec.chains.web.svms = [waf, waf]\ntosec.policy = [ { chain = web\nguest = a } ]", "tosec.policy[1].chain in n.conf is \"web\"; allowed: a chain whose SVM types the guest a has (web needs 2 times waf; tosec.host.guests.a.svms is [")]
    [InlineData("tosec.policy = [ 7 ]", "tosec.policy in n.conf is a list; allowed: a list of objects")]
    [InlineData("tosec.policy { }", "tosec.policy in n.conf is a section; allowed: a list of objects")]
    [InlineData("tosec.cluster.hostname = \"10.0.0.1\"", "tosec.cluster.hostname in n.conf is \"10.0.0.1\"; allowed: a loopback address, or any with tosec.cluster.tls")]
    [InlineData("tosec.cluster.hostname = \"0.0.0.0\"", "tosec.cluster.hostname in n.conf is \"0.0.0.0\"; allowed: a host name or address, no wildcard")]
    [InlineData("tosec.cluster.seed-nodes = [\"h\"]", "tosec.cluster.seed-nodes in n.conf is \"h\"; allowed: a list of \"host:port\"")]
    [InlineData("tosec.cluster.seed-nodes = [\"::1:80\"]", "tosec.cluster.seed-nodes in n.conf is \"::1:80\"; allowed:")]
    [InlineData("tosec.cluster.tls.ca = \"/nope\"", "tosec.cluster.tls.certificate in n.conf is \"\"; allowed: an existing PKCS#12 file")]
    [InlineData("tosec.node.host-number = *", "n.conf, line 26: write values with '*' in quotes")]
    [InlineData("tosec.control.socket = \"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"", "tosec.control.socket in n.conf is 107 bytes long")]
    public void A_mistake_is_one_sentence_with_file_key_value_and_what_is_allowed(string wrong, string message)
    {
        var e = Assert.Throws<SettingsException>(() => Parse(Site("") + Node("tovm") + wrong + "\n"));
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Theory]
    [InlineData("tosec.cluster.hostname = \"10.0.0.1\"\ntosec.cluster.insecure = on")]
    [InlineData("tosec.cluster.hostname = \"10.0.0.1\"\ntosec.cluster.join = off")]
    [InlineData("tosec.cluster.hostname = \"127.0.0.2\"")]
    [InlineData("tosec.cluster.hostname = \"::1\"")]
    public void Plain_TCP_is_for_loopback_or_those_who_ask_for_it(string cluster) => Parse(Node("host") + cluster);

    [Fact]
    public void An_SVMs_own_settings_agree_with_the_hosts()
    {
        AssertWrong("tosec.svm.type = counter", "tosec.svm.type in n.conf is \"counter\"; allowed: waf, as tosec.host.svms.waf1.type says");
        AssertWrong("tosec.svm.type = waf\ntosec.svm.guests = [b]", "tosec.svm.guests in n.conf is a list with b; allowed: guests whose");
        AssertWrong("tosec.svm.type = waf\ntosec.node.name = x", "the SVM x is not among tosec.host.svms; allowed: waf1, cnt");
        AssertWrong("", "tosec.svm.type is missing in n.conf; allowed: waf, ips, antivirus, auditor or counter");

        static void AssertWrong(string svm, string message)
        {
            var e = Assert.Throws<SettingsException>(() => Parse(Site("") + Node("svm") + "tosec.node.name = waf1\n" + svm));
            Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Guests_cannot_be_taken_from_a_file_that_has_none()
    {
        var e = Assert.Throws<SettingsException>(() => Parse(Node("tovm")));
        Assert.StartsWith("tosec.tovm.guests in n.conf is \"*\"; allowed: a list of names", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void No_bytes_make_the_loader_fail_in_any_other_way() =>
        Gen.OneOf(
            Gen.String,
            Gen.OneOf<string>("tosec", "node", "policy", "{", "}", "[", "]", "=", ".", "\n", "\"", "name", "7", "*", "include \"/nope\"\n", ",", " ", "akka", ":", "#", "null")
                .Array[0, 40].Select(parts => string.Concat(parts)))
            .Sample(text => LoadsOrSays(text), iter: 5000);

    [Fact]
    public void No_slip_of_the_pen_makes_the_loader_fail_in_any_other_way()
    {
        var text = Site("policy = [ { guest = a, port = \"80\" }\n { chain = none } ]\ninclude \"/nope\"\n") + Node("tovm");
        var slips = Gen.OneOf<string>("{", "}", "[", "]", "=", ".", "\n", "\"", "*", ",", " ", ":", "#", "//", "$", "\\", "\"\"\"", "+", "\0", "\u2028", "");
        Gen.Select(Gen.Int[0, text.Length - 4], Gen.Int[0, 3], slips).Array[1, 4].Sample(
            changes => LoadsOrSays(changes.Aggregate(text, (t, change) =>
                t.Length < change.Item1 + change.Item2 ? t : t.Remove(change.Item1, change.Item2).Insert(change.Item1, change.Item3))), iter: 5000);
    }

    [Fact]
    public void No_value_makes_the_loader_fail_in_any_other_way()
    {
        var keys = Gen.OneOf<string>(
            "node.name", "node.role", "node.host-number", "log.level", "log.file", "cluster.seed-nodes", "cluster.port", "host.svms", "host.guests",
            "host.guests.a.streams", "host.guests.a.send-pool", "host.guests.a.addresses", "chains", "chains.web.hold-limit", "policy", "svm.guests",
            "tovm.guests", "control.socket", "guest.guest", "host.guest-defaults", "policy-defaults", "chain-defaults.svms", "cluster.tls");
        var values = Gen.OneOf<string>(
            "7", "-1", "99999999999999999999", "{ }", "{ x = 1 }", "[ ]", "[ 1, 2 ]", "[ { } ]", "[ [ 1 ] ]", "null", "\"\"", "\"*\"", "on", "1g", "a b", "\"\\u0000\"");
        Gen.Select(keys, values).Array[1, 4].Sample(
            pairs => LoadsOrSays(Site("") + Node("tovm") + string.Concat(pairs.Select(p => $"tosec.{p.Item1} = {p.Item2}\n"))), iter: 5000);
    }

    private static void LoadsOrSays(string text)
    {
        try
        {
            Parse(text);
        }
        catch (SettingsException e)
        {
            Assert.NotEmpty(e.Message);
        }
    }

    private static NodeSettings Parse(string text) => NodeSettingsLoader.Parse("n.conf", text);

    private static string Node(string role) => $"tosec.node.name = n1\ntosec.node.role = {role}\n";

    private static string Site(string more) => $$"""
        tosec {
          host {
            svms {
              waf1 { type = waf }
              cnt { type = counter }
            }
            guests {
              a {
                tenant = red
                addresses = ["127.1.0.1", "fd00::1"]
                svms = [waf1, cnt]
                streams = 64
                channels = 1
                send-pool = 256k
              }
              b { tenant = blue }
            }
          }
          chains {
            web { svms = [waf] }
          }
          {{more}}
        }

        """;
}
