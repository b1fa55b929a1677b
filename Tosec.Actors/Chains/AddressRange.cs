using System.Net;
using System.Net.Sockets;

namespace Tosec.Actors.Chains;

/// <summary>
/// A range of addresses: everything, or one CIDR block. An IPv4 block matches IPv4 addresses in either notation
/// (<c>10.0.0.1</c> and <c>::ffff:10.0.0.1</c> are one address to the kernel, so they are one here); an IPv6 block, <c>::/0</c>
/// included, matches IPv6 addresses only. Scope ids do not take part.
/// </summary>
public readonly struct AddressRange : IEquatable<AddressRange>
{
    private readonly IPNetwork _network;
    private readonly UInt128 _prefix;
    private readonly UInt128 _mask;
    private readonly bool _isBlock;

    private AddressRange(IPNetwork network, CanonicalAddress prefix, UInt128 mask)
    {
        _network = network;
        _prefix = prefix.Bits;
        _mask = mask;
        _isBlock = true;
        IsIPv4 = prefix.IsIPv4;
    }

    /// <summary>Matches every address of both families.</summary>
    public static AddressRange All => default;

    /// <summary>Whether only IPv4 addresses match; false for <see cref="All"/>.</summary>
    public bool IsIPv4 { get; }

    /// <summary>The block with mapped IPv4 written as IPv4.</summary>
    public static AddressRange Of(IPNetwork network)
    {
        var address = network.BaseAddress;
        if (address.IsIPv4MappedToIPv6 && network.PrefixLength >= 96)
            network = new IPNetwork(address.MapToIPv4(), network.PrefixLength - 96);
        var prefix = CanonicalAddress.Of(network.BaseAddress);
        var bits = prefix.IsIPv4 ? network.PrefixLength + 96 : network.PrefixLength;
        var mask = bits == 0 ? UInt128.Zero : UInt128.MaxValue << (128 - bits);
        return new AddressRange(network, prefix, mask);
    }

    /// <summary>
    /// Reads <c>*</c>, an address, or a CIDR block whose host bits are zero (<c>10.1.0.0/8</c> is refused: which of the two the
    /// writer meant cannot be known).
    /// </summary>
    public static bool TryParse(string text, out AddressRange range)
    {
        range = All;
        if (text == "*")
            return true;
        if (IPNetwork.TryParse(text, out var network))
        {
            range = Of(network);
            return IPAddress.TryParse(text.AsSpan(0, text.IndexOf('/', StringComparison.Ordinal)), out var written)
                && written.Equals(network.BaseAddress);
        }

        // IPAddress.Parse also reads "10" and "0x0a000001"; nobody means those in a policy.
        if (!IPAddress.TryParse(text, out var address) || (address.AddressFamily == AddressFamily.InterNetwork
            && text.AsSpan().Count('.') != 3))
            return false;
        range = Of(new IPNetwork(address, address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128));
        return true;
    }

    /// <summary>Whether the address lies in the range. Does not allocate.</summary>
    public bool Contains(IPAddress address) => Contains(CanonicalAddress.Of(address));

    internal bool Contains(CanonicalAddress address) =>
        !_isBlock || (IsIPv4 == address.IsIPv4 && (address.Bits & _mask) == _prefix);

    public bool Equals(AddressRange other) =>
        _isBlock == other._isBlock && _prefix == other._prefix && _mask == other._mask && IsIPv4 == other.IsIPv4;

    public override bool Equals(object? obj) => obj is AddressRange other && Equals(other);

    public override int GetHashCode() => HashCode.Combine(_isBlock, _prefix, _mask, IsIPv4);

    public static bool operator ==(AddressRange left, AddressRange right) => left.Equals(right);

    public static bool operator !=(AddressRange left, AddressRange right) => !left.Equals(right);

    public override string ToString() => _isBlock ? _network.ToString() : "*";
}
