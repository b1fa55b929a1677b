using Tosec.Engines.Waf;

namespace Tosec.Tests.Engines.Waf;

/// <summary>One firewall with the reference settings for all tests of a class; rules take a moment to load.</summary>
public sealed class WafFixture : IDisposable
{
    public static WafSettings Reference => WafSettings.From(ReferenceConfig.Read("waf.conf").GetConfig(WafSettings.Path));

    public WafSystem System { get; } = new(Reference);

    public void Dispose() => System.Dispose();
}
