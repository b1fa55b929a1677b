using Tosec.Engines.Auditor;
using Tosec.Engines.Auditor.Policy;

namespace Tosec.Tests.Engines.Auditor;

public sealed class AuditorSettingsSpecs
{
    [Fact]
    public void Reference_says_every_setting()
    {
        var settings = AuditorFixture.Settings("");
        Assert.Equal([5432, 3306, 6379], settings.Ports.Keys);
        Assert.Equal(DatabaseProtocol.None, settings.OtherPorts);
        Assert.False(settings.PassEncrypted);
        Assert.False(settings.PlainParameters);
        Assert.Empty(settings.Rules);
        Assert.Equal((AuditAction.Block, AuditAction.Allow), (settings.Unknown, settings.Otherwise));
        Assert.Equal((256 * 1024, 1000, 10_000), (settings.MessageLimit, settings.PreparedLimit, settings.PendingLimit));
    }

    [Fact]
    public void A_rule_says_what_it_is_about()
    {
        var rule = AuditorFixture.Settings("""
            rules = [
              { action = alert
                user = "app_*"
                database = shop
                class = [select, insert]
                table = "orders"
                function = "pg_*"
                hours = "22:00-24:00"
                rows-over = 100 }
            ]
            """).Rules.Single();
        Assert.Equal(
            new AuditRule(1, AuditAction.Alert, "app_*", "shop", StatementClass.Select | StatementClass.Insert, "orders", "pg_*", new TimeOnly(22, 0), TimeOnly.MinValue, 100),
            rule);
    }

    [Theory]
    [InlineData("rules = [ { action = perhaps } ]", "rules[1]")]
    [InlineData("rules = [ { user = ada } ]", "rules[1]")]
    [InlineData("rules = [ { action = block, tabel = x } ]", "rules[1]")]
    [InlineData("rules = [ { action = block, class = [] } ]", "rules[1]")]
    [InlineData("rules = [ { action = block, class = [selct] } ]", "rules[1]")]
    [InlineData("rules = [ { action = block, class = \"1\" } ]", "rules[1]")]
    [InlineData("rules = [ { action = block, hours = \"8-18\" } ]", "rules[1]")]
    [InlineData("rules = [ { action = allow, rows-over = 5 } ]", "rules[1]")]
    [InlineData("rules = block", "rules")]
    [InlineData("mysql-ports = [5432]", "mysql-ports")]
    [InlineData("redis-ports = [0]", "redis-ports")]
    [InlineData("other-ports = pass", "other-ports")]
    [InlineData("encryption = maybe", "encryption")]
    [InlineData("unknown = ignore", "unknown")]
    [InlineData("message-limit = 1 GiB", "message-limit")]
    public void Wrong_value_is_named_by_its_key(string text, string key)
    {
        var failure = Assert.Throws<ArgumentException>(() => AuditorFixture.Settings(text));
        Assert.StartsWith($"tosec.engines.auditor.{key}: ", failure.Message);
    }
}
