using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus;
using Tosec.Engines.Antivirus.Clamd;
using Tosec.Tests.Engines.Waf;

namespace Tosec.Tests.Engines.Antivirus;

/// <summary>A clamd that is slow, hangs, dies or is not there.</summary>
public sealed class AntivirusFailureSpecs : IDisposable
{
    private readonly ClamdProcess _clamd = new();
    private readonly ObservedEvents _events = new();

    private AntivirusSettings Settings => AntivirusFixture.Reference with { Socket = _clamd.Socket, ScanTimeout = TimeSpan.FromMinutes(1) };

    private static string Upload(string content) => Http.Post("/", "application/octet-stream", content);

    [Fact]
    public void Without_clamd_there_is_no_verdict_and_with_its_return_there_is()
    {
        using var system = new AntivirusSystem(Settings, _events);
        Assert.True(system.IsReady);
        _clamd.Kill();
        using (var conversation = new Conversation(system))
        {
            Assert.Equal(VerdictKind.Undecided, conversation.Client(Upload("text")));
            Assert.Contains("clamd is not reached", conversation.Undecided, StringComparison.Ordinal);
        }

        Await(() => _events.Of<AnomalyObservation>().Any(a => a.Event == "engine-unreachable"));
        _clamd.Start();
        Await(() => _events.Of<AnomalyObservation>().Any(a => a.Event == "engine-reachable"));
        using var again = new Conversation(system);
        Assert.Equal(VerdictKind.Block, again.Client(Upload(Eicar.Text)));
    }

    [Fact]
    public void A_clamd_that_is_killed_in_the_middle_of_a_scan_leaves_its_objects_without_a_verdict()
    {
        using var system = new AntivirusSystem(Settings, _events);
        _clamd.Stop();
        using var conversation = new Conversation(system) { Waits = false };
        Assert.Equal(VerdictKind.Hold, conversation.Client(Upload(Eicar.Text)));
        _clamd.Kill();
        Await(() => conversation.Resume(StreamDirection.Incoming) == VerdictKind.Undecided);
        _clamd.Start();
    }

    [Fact]
    public void A_slow_verdict_holds_and_one_that_comes_too_late_still_ends_the_connection()
    {
        using var system = new AntivirusSystem(Settings, _events);
        _clamd.Stop();
        using var conversation = new Conversation(system) { Waits = false };
        Assert.Equal(VerdictKind.Hold, conversation.Client(Upload(Eicar.Text)));
        Assert.Equal(VerdictKind.Hold, conversation.Resume(StreamDirection.Incoming));
        Assert.Equal(VerdictKind.Undecided, conversation.ClientHoldLimit());
        Assert.Equal(VerdictKind.Pass, conversation.Resume(StreamDirection.Incoming));
        _clamd.Continue();
        Await(() => conversation.Resume(StreamDirection.Incoming) == VerdictKind.Block);
        Assert.Equal("malware", conversation.Threat.Category);
    }

    [Fact]
    public void A_clamd_that_hangs_costs_an_object_its_verdict_after_the_time_out()
    {
        using var system = new AntivirusSystem(Settings with { ScanTimeout = TimeSpan.FromMilliseconds(100) }, _events);
        _clamd.Stop();
        using var conversation = new Conversation(system);
        Assert.Equal(VerdictKind.Undecided, conversation.Client(Upload("text")));
        Assert.Contains("has not answered", conversation.Undecided, StringComparison.Ordinal);
        _clamd.Continue();
    }

    [Fact]
    public void More_objects_than_may_wait_have_no_verdict_and_nobody_blocks()
    {
        using var system = new AntivirusSystem(Settings with { Threads = 2, Queue = 4 }, _events);
        _clamd.Stop();
        var conversations = Enumerable.Range(0, 20).Select(_ => new Conversation(system) { Waits = false }).ToArray();
        var verdicts = conversations.Select(c => c.Client(Upload(Eicar.Text))).ToArray();
        Assert.InRange(verdicts.Count(v => v == VerdictKind.Hold), 4, 6);
        Assert.Equal(20, verdicts.Count(v => v is VerdictKind.Hold or VerdictKind.Undecided));
        _clamd.Continue();
        for (var i = 0; i < conversations.Length; i++)
        {
            if (verdicts[i] == VerdictKind.Hold) Await(() => conversations[i].Resume(StreamDirection.Incoming) == VerdictKind.Block);
            conversations[i].Dispose();
        }

        Assert.Equal(0, system.Memory.Used);
    }

    [Fact]
    public void Memory_for_objects_is_bounded_and_all_of_it_comes_back()
    {
        using var system = new AntivirusSystem(Settings with { MemoryLimit = 1 << 20 }, _events);
        var conversations = Enumerable.Range(0, 30).Select(_ => new Conversation(system)).ToArray();
        var verdicts = conversations.Select(c => c.Client(Upload(new string('x', 100_000))[..^1])).ToArray();
        Assert.Equal(10, verdicts.Count(v => v == VerdictKind.Hold));
        Assert.All(verdicts.Skip(10), v => Assert.Equal(VerdictKind.Undecided, v));
        foreach (var conversation in conversations) conversation.Dispose();
        Assert.Equal(0, system.Memory.Used);
    }

    [Fact]
    public async Task Many_connections_at_once_each_get_their_own_verdict()
    {
        using var system = new AntivirusSystem(Settings with { Queue = 10_000 }, _events);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Factory.StartNew(
            () =>
            {
                for (var n = 0; n < 100; n++)
                {
                    var isBad = (n + thread) % 3 == 0;
                    using var conversation = new Conversation(system);
                    var verdict = conversation.Client(Upload(isBad ? Eicar.Zip(Eicar.Text) : $"text {n}"));
                    Assert.Equal(isBad ? VerdictKind.Block : VerdictKind.Pass, verdict);
                }
            },
            TaskCreationOptions.LongRunning)));
        Assert.Equal(0, system.Memory.Used);
    }

    [Theory]
    [InlineData("fd[9]: OK", nameof(ClamdStatus.Clean), "")]
    [InlineData("fd[9]: Win.Test-1 FOUND", nameof(ClamdStatus.Infected), "Win.Test-1")]
    [InlineData("fd[9]: Heuristics.Limits.Exceeded.MaxFileSize FOUND", nameof(ClamdStatus.Limited), "Heuristics.Limits.Exceeded.MaxFileSize")]
    [InlineData("fd[9]: Can't allocate memory ERROR", nameof(ClamdStatus.Failed), "clamd says: Can't allocate memory ERROR")]
    [InlineData("UNKNOWN COMMAND", nameof(ClamdStatus.Failed), "clamd says: UNKNOWN COMMAND")]
    [InlineData("", nameof(ClamdStatus.Failed), "clamd says: ")]
    public void Only_the_very_word_is_clean(string line, string status, string text)
    {
        var reply = ClamdClient.Parse(line);
        Assert.Equal((status, text), (reply.Status.ToString(), reply.Text));
    }

    public void Dispose() => _clamd.Dispose();

    private static void Await(Func<bool> condition)
    {
        var deadline = Environment.TickCount64 + 90_000;
        while (!condition())
        {
            Assert.True(Environment.TickCount64 < deadline, "it does not happen");
            Thread.Sleep(5);
        }
    }
}
