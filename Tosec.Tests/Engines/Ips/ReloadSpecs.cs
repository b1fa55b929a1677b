using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Ips;

public sealed class ReloadSpecs
{
    private const string Old = "drop tcp any any -> any any (content:\"old\"; sid:1;)";
    private const string New = "drop tcp any any -> any any (content:\"new\"; sid:2;)";

    [Fact]
    public void New_connections_get_the_new_rules_and_running_ones_keep_theirs()
    {
        using var bench = new IpsBench(Old);
        using var running = new Conversation(bench.System);
        running.Client("ol");
        bench.Rewrite(New);
        Assert.StartsWith("1 rules", bench.System.Reload(), StringComparison.Ordinal);
        Assert.Equal([2], bench.Sids([Said.Client("old new")]));
        running.Client("d");
        Assert.Equal(1, running.Threat.SignatureId);
    }

    [Fact]
    public void Rules_that_cannot_be_read_leave_the_old_ones_in_force()
    {
        using var bench = new IpsBench(Old);
        bench.Remove();
        Assert.ThrowsAny<IOException>(() => bench.System.Reload());
        Assert.Equal([1], bench.Sids([Said.Client("old new")]));
    }

    [Fact]
    public async Task Reloading_under_load_harms_no_connection()
    {
        using var bench = new IpsBench(Old);
        using var done = new CancellationTokenSource();
        var talking = Enumerable.Range(0, 3).Select(_ => Task.Factory.StartNew(
            () =>
            {
                while (!done.IsCancellationRequested)
                {
                    using var conversation = new Conversation(bench.System);
                    Assert.Equal(VerdictKind.Pass, conversation.Client("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
                    Assert.Equal(VerdictKind.Block, conversation.Client("old"));
                }
            },
            TaskCreationOptions.LongRunning)).ToArray();
        for (var i = 0; i < 50; i++) bench.System.Reload();
        await done.CancelAsync();
        await Task.WhenAll(talking);
    }
}
