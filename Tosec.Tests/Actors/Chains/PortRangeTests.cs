using Tosec.Actors.Chains;

namespace Tosec.Tests.Actors.Chains;

public class PortRangeTests
{
    [Theory]
    [InlineData("*", 0, 65535, "*")]
    [InlineData("80", 80, 80, "80")]
    [InlineData("8000-9000", 8000, 9000, "8000-9000")]
    [InlineData("0-65535", 0, 65535, "*")]
    public void TryParse_reads_all_three_forms(string text, int first, int last, string shown)
    {
        Assert.True(PortRange.TryParse(text, out var range));
        Assert.Equal((first, last, shown), (range.First, range.Last, range.ToString()));
        Assert.True(range.Contains(first) && range.Contains(last));
        Assert.False(range.Contains(first - 1) || range.Contains(last + 1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("-")]
    [InlineData("-80")]
    [InlineData("80-")]
    [InlineData("90-80")]
    [InlineData("65536")]
    [InlineData("80,81")]
    [InlineData(" 80")]
    [InlineData("+80")]
    public void TryParse_refuses_everything_else(string text) => Assert.False(PortRange.TryParse(text, out _));
}
