using System.Net;
using System.Numerics;
using CsCheck;
using Tosec.Actors.Chains;

namespace Tosec.Tests.Actors.Chains;

public class AddressRangeTests
{
    [Theory]
    [InlineData("*", "10.0.0.1", true)]
    [InlineData("*", "fe80::1", true)]
    [InlineData("10.0.0.0/8", "10.255.255.255", true)]
    [InlineData("10.0.0.0/8", "11.0.0.0", false)]
    [InlineData("10.0.0.0/8", "::ffff:10.1.2.3", true)]
    [InlineData("::ffff:10.0.0.0/104", "10.1.2.3", true)]
    [InlineData("0.0.0.0/0", "1.2.3.4", true)]
    [InlineData("0.0.0.0/0", "::1", false)]
    [InlineData("::/0", "1.2.3.4", false)]
    [InlineData("::/0", "::ffff:1.2.3.4", false)]
    [InlineData("::/0", "fd00::1", true)]
    [InlineData("fe80::/10", "fe80::1%3", true)]
    [InlineData("192.0.2.1", "192.0.2.1", true)]
    [InlineData("192.0.2.1", "192.0.2.2", false)]
    [InlineData("fd00::1", "fd00::1", true)]
    [InlineData("fd00::1", "fd00::2", false)]
    public void Contains_says_what_the_block_says(string range, string address, bool isInside)
    {
        Assert.True(AddressRange.TryParse(range, out var parsed));
        Assert.Equal(isInside, parsed.Contains(IPAddress.Parse(address)));
    }

    [Theory]
    [InlineData("")]
    [InlineData("10")]
    [InlineData("10.0")]
    [InlineData("0x7f000001")]
    [InlineData("10.1.0.0/8")]
    [InlineData("10.0.0.0/33")]
    [InlineData("fd00::/129")]
    [InlineData("localhost")]
    [InlineData("10.0.0.0/8 ")]
    public void TryParse_refuses_what_is_no_address_and_no_block(string text) =>
        Assert.False(AddressRange.TryParse(text, out _));

    [Fact]
    public void Contains_agrees_with_comparing_bit_by_bit()
    {
        (from bytes in Gen.Byte.Array[16]
         from isV4 in Gen.Bool
         from flips in Gen.Int[0, 127].Array[0, 2]
         from length in Gen.Int[0, isV4 ? 32 : 128]
         select (Bytes: isV4 ? bytes[..4] : [0x20, .. bytes[1..]], flips, length)).Sample(c =>
        {
            var network = new IPNetwork(new IPAddress(Masked(c.Bytes, c.length)), c.length);
            var other = c.Bytes.ToArray();
            foreach (var flip in c.flips.Select(flip => flip % (other.Length * 8)))
                other[flip / 8] ^= (byte)(0x80 >> (flip % 8));
            var expected = Masked(other, c.length).AsSpan().SequenceEqual(Masked(c.Bytes, c.length));
            var address = new IPAddress(other);
            Assert.Equal(expected, AddressRange.Of(network).Contains(address));
            if (other.Length == 4)
                Assert.Equal(expected, AddressRange.Of(network).Contains(address.MapToIPv6()));
        });
    }

    private static byte[] Masked(byte[] address, int length)
    {
        var bits = new BigInteger(address, isUnsigned: true, isBigEndian: true);
        var drop = (address.Length * 8) - length;
        var masked = (bits >> drop << drop).ToByteArray(isUnsigned: true, isBigEndian: true);
        return [.. new byte[address.Length - masked.Length], .. masked];
    }
}
