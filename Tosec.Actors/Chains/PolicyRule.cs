using Tosec.Actors.Inspection;

namespace Tosec.Actors.Chains;

/// <summary>Which connections a rule is about, seen from the guest: those it opens, those it accepts, or both.</summary>
public enum PolicyDirection : byte
{
    Any = 0,
    Outgoing = 1,
    Incoming = 2,
}

/// <summary>Transport protocol of a connection.</summary>
public enum TransportProtocol : byte
{
    Tcp = 0,
}

/// <summary>Ports from <paramref name="First"/> to <paramref name="Last"/>, both included.</summary>
public readonly record struct PortRange(ushort First, ushort Last)
{
    /// <summary>Every port.</summary>
    public static PortRange All => new(0, ushort.MaxValue);

    public bool Contains(int port) => port >= First && port <= Last;

    /// <summary>Reads <c>*</c>, <c>80</c> or <c>8000-9000</c>. False for anything else, a reversed range included.</summary>
    public static bool TryParse(string text, out PortRange range)
    {
        range = All;
        if (text == "*")
            return true;
        var dash = text.IndexOf('-', StringComparison.Ordinal);
        if (!TryParsePort(dash < 0 ? text : text.AsSpan(0, dash), out var first))
            return false;
        var last = first;
        if (dash >= 0 && !TryParsePort(text.AsSpan(dash + 1), out last))
            return false;
        range = new PortRange(first, last);
        return first <= last;
    }

    public override string ToString() =>
        this == All ? "*" : First == Last ? $"{First}" : $"{First}-{Last}";

    private static bool TryParsePort(ReadOnlySpan<char> text, out ushort port) =>
        ushort.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out port);
}

/// <summary>One line of the policy: which connections, and which chain they pass (or that they are denied). Immutable.</summary>
public sealed record PolicyRule
{
    /// <summary>Matches every guest or every tenant.</summary>
    public const string Anyone = "*";

    /// <summary>A guest's name, or <see cref="Anyone"/>. Names compare by ordinal.</summary>
    public string Guest { get; init; } = Anyone;

    /// <summary>A tenant's name, or <see cref="Anyone"/>.</summary>
    public string Tenant { get; init; } = Anyone;

    public PolicyDirection Direction { get; init; }

    public TransportProtocol Protocol { get; init; }

    /// <summary>Addresses of the other side.</summary>
    public AddressRange Address { get; init; } = AddressRange.All;

    /// <summary>Outgoing: the peer's port. Incoming: the guest's own listening port.</summary>
    public PortRange Ports { get; init; } = PortRange.All;

    /// <summary>Name of the chain; null denies the connection.</summary>
    public string? Chain { get; init; }

    /// <summary>Whether the rule is about guest <paramref name="guest"/> of tenant <paramref name="tenant"/>.</summary>
    public bool IsAbout(string guest, string tenant) =>
        (Guest == Anyone || string.Equals(Guest, guest, StringComparison.Ordinal))
        && (Tenant == Anyone || string.Equals(Tenant, tenant, StringComparison.Ordinal));

    internal bool Covers(StreamDirection initiator) =>
        Direction == PolicyDirection.Any
        || Direction == (initiator == StreamDirection.Outgoing ? PolicyDirection.Outgoing : PolicyDirection.Incoming);
}
