using Akka.Configuration;
using Tosec.Engines.Ips;

namespace Tosec.Tests.Engines.Ips;

public sealed class IpsSettingsSpecs
{
    [Fact]
    public void Reference_says_every_setting()
    {
        var settings = IpsBench.Reference;
        Assert.Empty(settings.Rules);
        Assert.Null(settings.Classification);
        Assert.False(settings.DetectionOnly);
        Assert.Equal(64 * 1024, settings.Window);
        Assert.Equal(128 * 1024, settings.BodyLimit);
        Assert.Equal(1_000_000, settings.StepLimit);
        Assert.Equal(100_000, settings.MatchLimit);
        Assert.Equal(IpsChoice.Block, settings.OnLimit);
        Assert.Equal(IpsChoice.Block, settings.OnUnreadable);
        Assert.Equal("!$HOME_NET", settings.Variables.Addresses["EXTERNAL_NET"]);
        Assert.Equal("[80,8080,8000,8008,8888]", settings.Variables.Ports["HTTP_PORTS"]);
    }

    [Theory]
    [InlineData("window = 1 KiB", "window")]
    [InlineData("window = 1 GiB", "window")]
    [InlineData("step-limit = 1", "step-limit")]
    [InlineData("match-limit = 0", "match-limit")]
    [InlineData("on-limit = ignore", "on-limit")]
    [InlineData("on-unreadable = maybe", "on-unreadable")]
    [InlineData("body-limit = -1", "body-limit")]
    [InlineData("addresses { A = \"\" }", "addresses.A")]
    public void Wrong_value_is_named(string text, string key)
    {
        var config = ConfigurationFactory.ParseString(text).WithFallback(ReferenceConfig.Read("ips.conf").GetConfig(IpsSettings.Path));
        var failure = Assert.Throws<ArgumentException>(() => IpsSettings.From(config));
        Assert.Contains($"{IpsSettings.Path}.{key}", failure.Message, StringComparison.Ordinal);
    }
}
