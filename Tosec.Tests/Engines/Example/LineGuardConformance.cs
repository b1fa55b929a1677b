using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Example;

/// <summary>A template: what has to be said of an engine so that it is tested whole.</summary>
public sealed class LineGuardConformance : EngineConformance
{
    protected override IReadOnlyList<Talk> Talks { get; } =
    [
        Talk.Passes(Said.Client("hello\nhow are you\n"), Said.Server("evil is what servers say\n")),
        Talk.Blocks(1, "evil\n", Said.Client("hello\n"), Said.Server("hello\n"), Said.Client("you are evil\n")),
    ];

    protected override IEnumerable<(Said[] Begin, Said More)> Endless => [([], Said.Client("a line without an end"))];

    protected override INetworkSecuritySystem Make() => new LineGuard("evil");

    protected override bool IsComplete(bool toServer, string released) => !toServer || released == "" || released.EndsWith('\n');

    [Fact]
    public void The_documentation_shows_it_as_it_is()
    {
        var page = File.ReadAllText(Repository.File("docs", "engines.md"));
        foreach (var file in new[] { "LineGuard.cs", "LineGuardConformance.cs" })
        {
            var code = File.ReadAllText(Repository.File("Tosec.Tests", "Engines", "Example", file));
            var shown = code.Split("\n    [Fact]")[0].TrimEnd();
            foreach (var line in shown.Split('\n'))
                if (line != "") Assert.Contains("\n    " + line + "\n", page, StringComparison.Ordinal);
        }
    }
}
