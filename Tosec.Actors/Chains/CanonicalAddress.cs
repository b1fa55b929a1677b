using System.Buffers.Binary;
using System.Net;

namespace Tosec.Actors.Chains;

/// <summary>An address as 128 bits, IPv4 in its mapped form, so that one comparison serves both families.</summary>
internal readonly record struct CanonicalAddress(UInt128 Bits, bool IsIPv4)
{
    private static readonly UInt128 _mappedPrefix = (UInt128)0xffff << 32;
    private static readonly UInt128 _loopbackIPv4 = _mappedPrefix | 0x7f000001;

    /// <summary>Does not allocate. Addresses of families other than IPv4 and IPv6 are a programming error and throw.</summary>
    public static CanonicalAddress Of(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[16];
        if (!address.TryWriteBytes(bytes, out var written))
            throw new ArgumentException($"an address of {written} bytes is neither IPv4 nor IPv6", nameof(address));
        if (written == 4)
            return new CanonicalAddress(_mappedPrefix | BinaryPrimitives.ReadUInt32BigEndian(bytes), true);
        var bits = BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return new CanonicalAddress(bits, bits >> 32 == 0xffff);
    }

    /// <summary>The address a connect reaches: the kernel takes the unspecified address for loopback.</summary>
    public CanonicalAddress AsDestination() =>
        IsIPv4 ? Bits == _mappedPrefix ? this with { Bits = _loopbackIPv4 } : this
        : Bits == UInt128.Zero ? this with { Bits = UInt128.One } : this;
}
