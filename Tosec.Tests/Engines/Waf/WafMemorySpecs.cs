using System.Diagnostics;

namespace Tosec.Tests.Engines.Waf;

/// <summary>Measures the whole process, so nothing else runs meanwhile.</summary>
[CollectionDefinition(nameof(WafMemorySpecs), DisableParallelization = true)]
[Collection(nameof(WafMemorySpecs))]
public sealed class WafMemorySpecs(WafFixture fixture) : IClassFixture<WafFixture>
{
    [Fact]
    public void Connections_leave_no_memory_behind()
    {
        for (var i = 0; i < 200; i++) Round();
        GC.Collect();
        var before = ResidentBytes();
        for (var i = 0; i < 2000; i++) Round();
        GC.Collect();

        // A transaction holds some 50 KB: 2000 leaked ones would be 100 MB.
        Assert.InRange(ResidentBytes() - before, long.MinValue, 40_000_000);

        void Round()
        {
            using var conversation = new Conversation(fixture.System);
            conversation.Client(Http.Get("/") + Http.Form("name=Ada")[..^2]);
            conversation.Server(Http.Ok("<p>hello</p>")[..^2]);
        }
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
