using Akka.Configuration;
using Tosec.Actors.Workers;

namespace Tosec.Tests.Actors.Workers;

public class WorkerSettingsSpecs
{
    [Fact]
    public void The_reference_configuration_holds_every_default()
    {
        Assert.Equal(
            new WorkerSettings { Spins = 0, Throughput = 64, Cpu = -1, TickInterval = TimeSpan.FromMilliseconds(50) },
            WorkerHarness.DefaultSettings);
    }

    [Theory]
    [InlineData("spins = -1")]
    [InlineData("throughput = 0")]
    [InlineData("cpu = -2")]
    [InlineData("cpu = 1024")]
    [InlineData("tick-interval = 0s")]
    [InlineData("tick-interval = 2h")]
    public void A_value_out_of_its_range_is_refused_by_name(string line)
    {
        var config = ConfigurationFactory.ParseString(line)
            .WithFallback(WorkerHarness.ReferenceConfig().GetConfig(WorkerSettings.Section));

        var refused = Assert.Throws<ConfigurationException>(() => WorkerSettings.From(config));

        Assert.Contains("tosec.worker." + line.Split(' ')[0], refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_missing_key_is_refused_by_name()
    {
        var config = ConfigurationFactory.ParseString("spins = 1\nthroughput = 1\ntick-interval = 1s");

        var refused = Assert.Throws<ConfigurationException>(() => WorkerSettings.From(config));

        Assert.Contains("tosec.worker.cpu", refused.Message, StringComparison.Ordinal);
    }
}
