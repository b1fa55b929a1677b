using System.Net;
using CsCheck;
using Tosec.Actors.Chains;

namespace Tosec.Tests.Actors.Chains;

public class PolicyTests
{
    private static readonly ChainDefinition _web = Chain("web");
    private static readonly ChainDefinition _all = Chain("all");
    private static readonly IPAddress _peer = IPAddress.Parse("10.1.2.3");

    [Fact]
    public void What_no_rule_matches_is_denied()
    {
        Assert.False(Policy.DenyAll.DecideOutgoing("a", "t", new IPEndPoint(_peer, 80)).IsAllowed);
        var decision = new Policy([new PolicyRule { Guest = "b", Chain = "web" }], [_web]).DecideIncoming("a", "t", _peer, 80);
        Assert.Equal((null, 0), (decision.Chain, decision.RuleNumber));
    }

    [Fact]
    public void The_first_rule_that_matches_decides()
    {
        var policy = new Policy(
            [
                new PolicyRule { Guest = "a", Direction = PolicyDirection.Incoming, Ports = new PortRange(80, 80), Chain = "web" },
                new PolicyRule { Address = Range("10.0.0.0/8") },
                new PolicyRule { Chain = "all" },
            ],
            [_web, _all]);
        Assert.Equal(new PolicyDecision(_web, 1), policy.DecideIncoming("a", "t", _peer, 80));
        Assert.Equal(new PolicyDecision(null, 2), policy.DecideIncoming("a", "t", _peer, 81));
        Assert.Equal(new PolicyDecision(null, 2), policy.DecideOutgoing("a", "t", new IPEndPoint(_peer, 80)));
        Assert.Equal(new PolicyDecision(_all, 3), policy.DecideOutgoing("a", "t", new IPEndPoint(IPAddress.IPv6Loopback, 80)));
    }

    [Fact]
    public void Rules_match_guest_and_tenant_by_ordinal()
    {
        var policy = new Policy([new PolicyRule { Guest = "a", Tenant = "red", Chain = "web" }], [_web]);
        Assert.True(policy.DecideIncoming("a", "red", _peer, 1).IsAllowed);
        Assert.False(policy.DecideIncoming("A", "red", _peer, 1).IsAllowed);
        Assert.False(policy.DecideIncoming("a", "blue", _peer, 1).IsAllowed);
    }

    [Theory]
    [InlineData("0.0.0.0", "127.0.0.1")]
    [InlineData("::", "::1")]
    [InlineData("::ffff:0.0.0.0", "127.0.0.1")]
    public void The_unspecified_address_is_loopback_to_a_connect(string address, string loopback)
    {
        var policy = new Policy([new PolicyRule { Address = Range(loopback) }, new PolicyRule { Chain = "all" }], [_all]);
        Assert.Equal(1, policy.DecideOutgoing("a", "t", new IPEndPoint(IPAddress.Parse(address), 80)).RuleNumber);
    }

    [Fact]
    public void A_rule_that_names_no_chain_and_two_chains_of_one_name_are_refused()
    {
        Assert.Throws<ArgumentException>(() => new Policy([new PolicyRule { Chain = "nope" }], [_web]));
        Assert.Throws<ArgumentException>(() => new Policy([], [_web, Chain("web")]));
    }

    [Fact]
    public void Deciding_does_not_allocate()
    {
        var policy = new Policy([.. Enumerable.Repeat(new PolicyRule { Guest = "b" }, 50), new PolicyRule { Chain = "all" }], [_all]);
        var remote = new IPEndPoint(IPAddress.IPv6Loopback, 80);
        policy.DecideOutgoing("a", "t", remote);
        policy.DecideIncoming("a", "t", _peer, 80);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 1000; i++)
        {
            policy.DecideOutgoing("a", "t", remote);
            policy.DecideIncoming("a", "t", _peer, 80);
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Decisions_are_those_of_a_plain_search_for_the_first_match()
    {
        var names = Gen.OneOf("a", "b", "c");
        var namesOrAny = Gen.OneOf("a", "b", "c", "*");
        var addresses = Gen.OneOf("10.0.0.1", "10.0.1.1", "192.0.2.7", "fd00::1", "fd00:1::1", "::ffff:10.0.0.1");
        var ranges = Gen.OneOf("*", "10.0.0.0/24", "10.0.0.0/8", "192.0.2.7", "fd00::/32", "fd00::/16");
        var rules = (from guest in namesOrAny
                     from tenant in namesOrAny
                     from direction in Gen.Enum<PolicyDirection>()
                     from range in ranges
                     from first in Gen.Int[0, 20]
                     from length in Gen.Int[0, 10]
                     from chain in Gen.OneOf<string?>("web", "all", null)
                     select new PolicyRule
                     {
                         Guest = guest,
                         Tenant = tenant,
                         Direction = direction,
                         Address = Range(range),
                         Ports = new PortRange((ushort)first, (ushort)(first + length)),
                         Chain = chain,
                     }).Array[0, 12];
        Gen.Select(rules, names, names, Gen.Bool, Gen.Select(addresses, Gen.Int[0, 30])).Sample((list, guest, tenant, isOut, where) =>
        {
            var address = IPAddress.Parse(where.Item1);
            var policy = new Policy(list, [_web, _all]);
            var actual = isOut
                ? policy.DecideOutgoing(guest, tenant, new IPEndPoint(address, where.Item2))
                : policy.DecideIncoming(guest, tenant, address, where.Item2);
            var expected = list.Index().FirstOrDefault(
                rule => (rule.Item.Guest is "*" || rule.Item.Guest == guest) && (rule.Item.Tenant is "*" || rule.Item.Tenant == tenant)
                    && rule.Item.Direction != (isOut ? PolicyDirection.Incoming : PolicyDirection.Outgoing)
                    && rule.Item.Address.Contains(address)
                    && where.Item2 >= rule.Item.Ports.First && where.Item2 <= rule.Item.Ports.Last,
                (-1, null!));
            Assert.Equal(expected.Index + 1, actual.RuleNumber);
            Assert.Equal(expected.Item?.Chain, actual.Chain?.Name);
        });
    }

    private static AddressRange Range(string text) =>
        AddressRange.TryParse(text, out var range) ? range : throw new ArgumentException(text);

    private static ChainDefinition Chain(string name) => new()
    {
        Name = name,
        SvmTypes = ["waf"],
        HoldLimitBytes = 4096,
        HoldDeadline = TimeSpan.FromSeconds(1),
    };
}
