namespace Tosec.Tests.Peer;

/// <summary>Tests with a <see cref="TestSite"/> run one after another: each has several worker threads of its own.</summary>
[CollectionDefinition(Name)]
public sealed class SiteCollection
{
    public const string Name = "site";
}
