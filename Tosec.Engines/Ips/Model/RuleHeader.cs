using System.Net;
using Tosec.Actors.Chains;

namespace Tosec.Engines.Ips.Model;

/// <summary>Some of them, except some others. An empty <paramref name="Included"/> is all. Immutable.</summary>
internal sealed record AddressSet(AddressRange[] Included, AddressRange[] Excluded)
{
    public static AddressSet Any { get; } = new([], []);

    public bool Contains(IPAddress address)
    {
        foreach (var range in Excluded)
            if (range.Contains(address)) return false;
        if (Included.Length == 0) return true;
        foreach (var range in Included)
            if (range.Contains(address)) return true;
        return false;
    }
}

/// <summary>Some of them, except some others. An empty <paramref name="Included"/> is all. Immutable.</summary>
internal sealed record PortSet(PortRange[] Included, PortRange[] Excluded)
{
    public static PortSet Any { get; } = new([], []);

    public bool Contains(int port)
    {
        foreach (var range in Excluded)
            if (range.Contains(port)) return false;
        if (Included.Length == 0) return true;
        foreach (var range in Included)
            if (range.Contains(port)) return true;
        return false;
    }
}

/// <summary>Which payloads a rule is about, by who sends them to whom. Immutable.</summary>
internal sealed record RuleHeader(
    AppProtocol Protocol, AddressSet Source, PortSet SourcePorts, AddressSet Target, PortSet TargetPorts, bool BothWays)
{
    public bool Covers(IPEndPoint sender, IPEndPoint receiver) =>
        Matches(sender, receiver) || (BothWays && Matches(receiver, sender));

    private bool Matches(IPEndPoint source, IPEndPoint target) =>
        SourcePorts.Contains(source.Port) && TargetPorts.Contains(target.Port)
        && Source.Contains(source.Address) && Target.Contains(target.Address);
}
