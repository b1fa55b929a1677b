using Akka.Configuration;
using Tosec.Engines.Antivirus;

namespace Tosec.Tests.Engines.Antivirus;

public sealed class AntivirusSettingsSpecs
{
    [Fact]
    public void Reference_settings_are_these()
    {
        var settings = AntivirusFixture.Reference;
        Assert.Equal(
            settings with
            {
                Socket = "/run/clamav/clamd.ctl",
                ScanTimeout = TimeSpan.FromSeconds(8),
                Threads = 8,
                Queue = 256,
                ObjectLimit = 1 << 20,
                OnObjectLimit = AntivirusChoice.Block,
                MemoryLimit = 256 << 20,
                PartsLimit = 500,
                Partial = AntivirusChoice.Block,
                UnknownCoding = AntivirusChoice.Block,
                Opaque = AntivirusChoice.Block,
                LineLimit = 16 << 10,
                FieldsLimit = 128,
            },
            settings);
        Assert.Equal(
            [(20, AntivirusProtocol.Raw), (25, AntivirusProtocol.Smtp), (80, AntivirusProtocol.Http), (143, AntivirusProtocol.Imap), (587, AntivirusProtocol.Smtp), (8080, AntivirusProtocol.Http)],
            settings.Ports.Select(p => (p.Key, p.Value)).Order());
    }

    [Theory]
    [InlineData("socket = \"clamd.sock\"", "socket")]
    [InlineData("socket = \"\"", "socket")]
    [InlineData("scan-timeout = 5ms", "scan-timeout")]
    [InlineData("threads = 0", "threads")]
    [InlineData("queue = 0", "queue")]
    [InlineData("object-limit = 10 b", "object-limit")]
    [InlineData("on-object-limit = allow", "on-object-limit")]
    [InlineData("memory-limit = 1 KiB", "memory-limit")]
    [InlineData("parts-limit = 0", "parts-limit")]
    [InlineData("partial = no", "partial")]
    [InlineData("unknown-coding = no", "unknown-coding")]
    [InlineData("opaque = no", "opaque")]
    [InlineData("ports.http = [\"0\"]", "ports.http")]
    [InlineData("ports.smtp = [\"80\"]", "ports.smtp")]
    [InlineData("line-limit = 1 b", "line-limit")]
    [InlineData("fields-limit = 257", "fields-limit")]
    public void A_value_out_of_range_is_refused_by_its_key(string line, string key)
    {
        var config = ConfigurationFactory.ParseString(line)
            .WithFallback(ReferenceConfig.Read("antivirus.conf").GetConfig(AntivirusSettings.Path));
        var refused = Assert.Throws<ArgumentException>(() => AntivirusSettings.From(config));
        Assert.Contains($"{AntivirusSettings.Path}.{key}: ", refused.Message, StringComparison.Ordinal);
    }
}
