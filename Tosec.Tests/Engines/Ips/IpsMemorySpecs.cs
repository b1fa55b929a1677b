using Tosec.Actors.Inspection;
using Tosec.Tests.Engines.Waf;

namespace Tosec.Tests.Engines.Ips;

/// <summary>Measures the whole process, so nothing else runs meanwhile.</summary>
[CollectionDefinition(nameof(IpsMemorySpecs), DisableParallelization = true)]
[Collection(nameof(IpsMemorySpecs))]
public sealed class IpsMemorySpecs
{
    // Native memory that is kept for each connection would be far more.
    private const long Slack = 48L << 20;

    [Fact]
    public void Thousands_of_connections_and_reloads_leave_no_memory_behind()
    {
        using var bench = new IpsBench(
            IpsBench.Alert("content:\"attack\"; content:\"now\"; distance:0;", "http.uri; content:\"/evil\"; pcre:\"/evil\\d+$/\";", "file.data; content:\"script\";"));
        var request = Http.Get("/evil7x");
        var response = Http.Ok(new string('x', 20_000) + "scrip");
        Connections(2_000);
        var before = Resident();
        Connections(20_000);
        Assert.InRange(Resident() - before, long.MinValue, Slack);

        void Connections(int count)
        {
            for (var i = 0; i < count; i++)
            {
                using var conversation = bench.System.Open(Conversation.Facts(StreamDirection.Incoming));
                conversation.Inspect(StreamDirection.Incoming, System.Text.Encoding.ASCII.GetBytes(request));
                conversation.Inspect(StreamDirection.Outgoing, System.Text.Encoding.ASCII.GetBytes(response));
                if (i % 200 == 0) bench.System.Reload();
            }
        }
    }

    private static long Resident()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        GC.Collect();
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
