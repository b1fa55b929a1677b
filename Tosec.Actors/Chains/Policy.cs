using System.Collections.Immutable;
using System.Net;
using Tosec.Actors.Inspection;

namespace Tosec.Actors.Chains;

/// <summary>
/// Ordered rules and the chains they name. The first rule that matches decides; what none matches is denied. Immutable, so any
/// thread may ask; deciding does not allocate.
/// </summary>
public sealed class Policy
{
    private readonly Entry[] _entries;

    /// <exception cref="ArgumentException">Two chains have one name, or a rule names a chain that does not exist.</exception>
    public Policy(IEnumerable<PolicyRule> rules, IEnumerable<ChainDefinition> chains)
    {
        Rules = [.. rules];
        var byName = ImmutableSortedDictionary.CreateBuilder<string, ChainDefinition>(StringComparer.Ordinal);
        foreach (var chain in chains)
        {
            if (!byName.TryAdd(chain.Name, chain))
                throw new ArgumentException($"two chains are named {chain.Name}", nameof(chains));
        }

        Chains = byName.ToImmutable();
        _entries = new Entry[Rules.Length];
        for (var i = 0; i < _entries.Length; i++)
        {
            ChainDefinition? chain = null;
            if (Rules[i].Chain is { } name && !Chains.TryGetValue(name, out chain))
                throw new ArgumentException($"rule {i + 1} names the chain {name}, which does not exist", nameof(rules));
            _entries[i] = new Entry(Rules[i], chain);
        }
    }

    /// <summary>No rules: everything is denied.</summary>
    public static Policy DenyAll { get; } = new([], []);

    /// <summary>In the order in which they are asked.</summary>
    public ImmutableArray<PolicyRule> Rules { get; }

    /// <summary>By name.</summary>
    public ImmutableSortedDictionary<string, ChainDefinition> Chains { get; }

    /// <summary>Decides on a connection that the guest opens to <paramref name="remote"/>.</summary>
    /// <remarks>The unspecified address counts as loopback, because that is where the kernel connects to.</remarks>
    public PolicyDecision DecideOutgoing(string guest, string tenant, IPEndPoint remote, TransportProtocol protocol = default) =>
        Decide(
            guest, tenant, StreamDirection.Outgoing, protocol, CanonicalAddress.Of(remote.Address).AsDestination(), remote.Port);

    /// <summary>Decides on a connection that <paramref name="peer"/> opens to the guest's port <paramref name="localPort"/>.</summary>
    public PolicyDecision DecideIncoming(
        string guest, string tenant, IPAddress peer, int localPort, TransportProtocol protocol = default) =>
        Decide(guest, tenant, StreamDirection.Incoming, protocol, CanonicalAddress.Of(peer), localPort);

    private PolicyDecision Decide(
        string guest, string tenant, StreamDirection initiator, TransportProtocol protocol, CanonicalAddress address, int port)
    {
        for (var i = 0; i < _entries.Length; i++)
        {
            ref readonly var entry = ref _entries[i];
            var rule = entry.Rule;
            if (rule.Protocol == protocol && rule.Covers(initiator) && rule.Ports.Contains(port)
                && rule.Address.Contains(address) && rule.IsAbout(guest, tenant))
                return new PolicyDecision(entry.Chain, i + 1);
        }

        return default;
    }

    private readonly record struct Entry(PolicyRule Rule, ChainDefinition? Chain);
}
