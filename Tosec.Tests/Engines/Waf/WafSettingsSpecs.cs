using Akka.Configuration;
using Tosec.Engines.Waf;

namespace Tosec.Tests.Engines.Waf;

public sealed class WafSettingsSpecs
{
    [Fact]
    public void Reference_says_every_setting()
    {
        var settings = WafFixture.Reference;
        Assert.Equal("/usr/share/modsecurity-crs/rules", settings.RulesFolder);
        Assert.Equal("/etc/modsecurity/crs/crs-setup.conf", settings.SetupFile);
        Assert.Equal(1, settings.ParanoiaLevel);
        Assert.False(settings.DetectionOnly);
        Assert.Equal(["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"], settings.AllowedMethods);
        Assert.Equal(1000, settings.MatchLimit);
        Assert.Equal(255, settings.ArgumentsLimit);
        Assert.Equal(128 * 1024, settings.RequestBodyLimit);
        Assert.Equal(WafChoice.Block, settings.OnBodyLimit);
        Assert.Equal(128 * 1024, settings.ResponseBodyLimit);
        Assert.Contains("text/html", settings.ResponseBodyTypes);
        Assert.Contains("application/json", settings.ResponseBodyTypes);
        Assert.Equal(WafChoice.Block, settings.Upgrade);
        Assert.Equal(16 * 1024, settings.LineLimit);
        Assert.Equal(64 * 1024, settings.HeadLimit);
        Assert.Equal(128, settings.FieldsLimit);
        Assert.Equal(64, settings.PendingLimit);
    }

    [Theory]
    [InlineData("paranoia-level = 5", "paranoia-level")]
    [InlineData("match-limit = 10", "match-limit")]
    [InlineData("request-body-limit = 1 GiB", "request-body-limit")]
    [InlineData("on-body-limit = perhaps", "on-body-limit")]
    [InlineData("fields-limit = 257", "fields-limit")]
    [InlineData("allowed-methods = [\"GET'\"]", "allowed-methods")]
    [InlineData("rules = \"\"", "rules")]
    public void Wrong_value_is_named_by_its_key(string text, string key)
    {
        var config = ConfigurationFactory.ParseString(text)
            .WithFallback(ReferenceConfig.Read("waf.conf").GetConfig(WafSettings.Path));
        var failure = Assert.Throws<ArgumentException>(() => WafSettings.From(config));
        Assert.StartsWith($"tosec.engines.waf.{key}: ", failure.Message);
    }
}
