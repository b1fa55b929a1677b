using Tosec.Actors.Chains;

namespace Tosec.Node.Configuration;

/// <summary>Reads the policy's rules and checks them against the chains, guests and SVMs that there are.</summary>
internal static class PolicySettings
{
    /// <summary>What a rule says instead of a chain's name.</summary>
    public const string Deny = "deny";

    public static Policy Read(SettingsReader tosec, IReadOnlyList<ChainDefinition> chains, HostSettings host)
    {
        var rules = new List<PolicyRule>();
        foreach (var reader in tosec.Elements("policy", "policy-defaults"))
        {
            var rule = ReadRule(reader, chains);
            reader.RejectUnknown();
            CheckGuests(reader, rule, host);
            CheckChain(reader, rule, chains, host);
            rules.Add(rule);
        }

        return new Policy(rules, chains);
    }

    private static PolicyRule ReadRule(SettingsReader reader, IReadOnlyList<ChainDefinition> chains)
    {
        var chain = reader.Choice("chain", [.. chains.Select(chain => chain.Name), Deny]);
        return new PolicyRule
        {
            Guest = reader.NameOrAny("guest"),
            Tenant = reader.NameOrAny("tenant"),
            Direction = reader.Choice<PolicyDirection>("direction"),
            Protocol = reader.Choice<TransportProtocol>("protocol"),
            Address = reader.Read("address", "\"*\", an address, or a CIDR block whose host bits are zero, in quotes", static text =>
                (AddressRange.TryParse(text, out var range), range)),
            Ports = reader.Read("port", "\"*\", a port, or two ports as \"8000-9000\"", static text =>
                (PortRange.TryParse(text, out var range), range)),
            Chain = chain == Deny ? null : chain,
        };
    }

    // Only a file that knows the guests can tell a misspelt one.
    private static void CheckGuests(SettingsReader reader, PolicyRule rule, HostSettings host)
    {
        if (host.Guests.Count == 0)
            return;
        if (rule.Guest != PolicyRule.Anyone && !host.Guests.ContainsKey(rule.Guest))
            throw reader.Refuse("guest", "\"*\" or one of tosec.host.guests: " + string.Join(", ", host.Guests.Keys));
        var tenants = host.Guests.Values.Select(guest => guest.Tenant).Distinct().ToArray();
        if (rule.Tenant != PolicyRule.Anyone && !tenants.Contains(rule.Tenant))
            throw reader.Refuse("tenant", "\"*\" or a tenant of tosec.host.guests: " + string.Join(", ", tenants));
    }

    // A chain that lacks an SVM would fail every stream under its failure policy; that is worth knowing before the first one.
    private static void CheckChain(
        SettingsReader reader, PolicyRule rule, IReadOnlyList<ChainDefinition> chains, HostSettings host)
    {
        if (rule.Chain is null)
            return;
        var chain = chains.First(chain => chain.Name == rule.Chain);
        foreach (var guest in host.Guests.Values.Where(guest => rule.IsAbout(guest.Name, guest.Tenant)))
        {
            // A type that the chain names twice takes two SVMs.
            foreach (var places in chain.SvmTypes.GroupBy(type => type))
            {
                var needed = places.Count();
                if (guest.Svms.Count(svm => host.Svms[svm].Type == places.Key) >= needed)
                    continue;
                throw reader.Refuse(
                    "chain",
                    $"a chain whose SVM types the guest {guest.Name} has ({chain.Name} needs {(needed == 1 ? "" : $"{needed} times ")}{places.Key}; "
                    + $"tosec.host.guests.{guest.Name}.svms is [{string.Join(", ", guest.Svms)}])");
            }
        }
    }
}
