using System.Net;
using System.Text;
using System.Text.Json;
using Tosec.Actors.Inspection;
using Tosec.Actors.Threats;

namespace Tosec.Tests.Actors.Threats;

public sealed class EveLogSpecs : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("tosec-eve-");

    private string File => Path.Combine(_folder.FullName, "eve.json");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Block_is_written_as_one_alert_event_with_suricatas_names()
    {
        using (var log = new EveLog(File, 16)) Assert.True(log.TryWrite(Event("a")));

        var line = Assert.Single(System.IO.File.ReadAllLines(File));
        using var json = JsonDocument.Parse(line);
        var root = json.RootElement;
        Assert.Equal("2026-03-04T05:06:07.123456+0000", root.GetProperty("timestamp").GetString());
        Assert.Equal("alert", root.GetProperty("event_type").GetString());
        Assert.Equal(9422UL, root.GetProperty("flow_id").GetUInt64());
        Assert.Equal("203.0.113.5", root.GetProperty("src_ip").GetString());
        Assert.Equal(51234, root.GetProperty("src_port").GetInt32());
        Assert.Equal("10.0.0.7", root.GetProperty("dest_ip").GetString());
        Assert.Equal(8080, root.GetProperty("dest_port").GetInt32());
        Assert.Equal("TCP", root.GetProperty("proto").GetString());
        Assert.Equal("http", root.GetProperty("app_proto").GetString());
        Assert.Equal("to_server", root.GetProperty("direction").GetString());

        var alert = root.GetProperty("alert");
        Assert.Equal("blocked", alert.GetProperty("action").GetString());
        Assert.Equal(1, alert.GetProperty("gid").GetInt32());
        Assert.Equal(942100, alert.GetProperty("signature_id").GetInt64());
        Assert.Equal(1, alert.GetProperty("rev").GetInt32());
        Assert.Equal("SQL \"injection\"\n", alert.GetProperty("signature").GetString());
        Assert.Equal("attack-sqli", alert.GetProperty("category").GetString());
        Assert.Equal(1, alert.GetProperty("severity").GetInt32());

        var http = root.GetProperty("http");
        Assert.Equal("shop.example", http.GetProperty("hostname").GetString());
        Assert.Equal("/a", http.GetProperty("url").GetString());
        Assert.Equal("GET", http.GetProperty("http_method").GetString());
        Assert.Equal("Mozilla", http.GetProperty("http_user_agent").GetString());
        Assert.Equal("HTTP/1.1", http.GetProperty("protocol").GetString());

        var own = root.GetProperty("tosec");
        Assert.Equal("guest-7", own.GetProperty("guest").GetString());
        Assert.Equal("web", own.GetProperty("chain").GetString());
        Assert.Equal("waf-1", own.GetProperty("svm").GetString());
        Assert.Equal("ref1", own.GetProperty("reference").GetString());
        Assert.Equal([942100, 949110], own.GetProperty("rules").EnumerateArray().Select(e => e.GetInt64()));
    }

    [Fact]
    public void Alert_says_allowed_and_an_event_without_http_has_no_http()
    {
        using (var log = new EveLog(File, 16))
            log.TryWrite(Event("a") with { Blocked = false, Threat = Event("a").Threat with { Http = null } });
        using var json = JsonDocument.Parse(System.IO.File.ReadAllText(File));
        Assert.Equal("allowed", json.RootElement.GetProperty("alert").GetProperty("action").GetString());
        Assert.False(json.RootElement.TryGetProperty("http", out _));
        Assert.False(json.RootElement.TryGetProperty("app_proto", out _));
    }

    [Fact]
    public void Response_event_has_the_server_as_its_source()
    {
        var threat = Event("a") with { Direction = StreamDirection.Outgoing };
        Assert.Equal(8080, threat.Source.Port);
        Assert.Equal(51234, threat.Destination.Port);
    }

    [Theory]
    [InlineData(330, "+0530")]
    [InlineData(-210, "-0330")]
    public void Timestamp_carries_the_offset_without_a_colon(int minutes, string expected)
    {
        var time = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromMinutes(minutes));
        using var buffer = new MemoryStream();
        using (var log = new EveLog(buffer, 4)) log.TryWrite(Event("a") with { Time = time });
        using var json = JsonDocument.Parse(buffer.ToArray());
        Assert.Equal("2026-01-02T03:04:05.000000" + expected, json.RootElement.GetProperty("timestamp").GetString());
    }

    [Fact]
    public void Disposing_writes_all_that_was_taken_and_the_file_is_appended_to()
    {
        for (var round = 0; round < 2; round++)
        {
            using var log = new EveLog(File, 5000);
            for (var i = 0; i < 5000; i++) Assert.True(log.TryWrite(Event($"{round}-{i}")));
        }

        var urls = System.IO.File.ReadAllLines(File)
            .Select(line => JsonDocument.Parse(line).RootElement.GetProperty("http").GetProperty("url").GetString());
        Assert.Equal(Enumerable.Range(0, 10000).Select(i => $"/{i / 5000}-{i % 5000}"), urls);
    }

    [Fact]
    public void Full_log_drops_counts_and_does_not_block()
    {
        var file = new StuckStream();
        var log = new EveLog(file, 8);
        var taken = 0;
        for (var i = 0; i < 1000; i++)
            if (log.TryWrite(Event("x"))) taken++;
        Assert.InRange(taken, 8, 1000 - 1);
        Assert.Equal(new EveCounters(0, 1000, 0, 1000 - taken), log.Counters);
        file.Free.SetResult();
        log.Dispose();
        Assert.Equal(new EveCounters(0, 1000, taken, 1000 - taken), log.Counters);
        Assert.Equal(taken, Encoding.UTF8.GetString(file.ToArray()).Count(c => c == '\n'));
        Assert.False(log.TryWrite(Event("late")));
    }

    [Fact]
    public void Failure_to_write_is_counted_and_the_log_goes_on()
    {
        var file = new StuckStream { Fails = true };
        file.Free.SetResult();
        using var log = new EveLog(file, 8);
        log.TryWrite(Event("lost"));
        Assert.True(SpinWait.SpinUntil(() => log.Counters.Dropped == 1, TimeSpan.FromSeconds(30)));
        Assert.IsType<IOException>(log.LastFailure);
        file.Fails = false;
        log.TryWrite(Event("kept") with { Blocked = false });
        Assert.True(SpinWait.SpinUntil(() => log.Counters.Written == 1, TimeSpan.FromSeconds(30)));
        Assert.Equal(new EveCounters(1, 1, 1, 1), log.Counters);
    }

    [Fact]
    public void Text_that_is_no_unicode_does_not_end_the_log()
    {
        using (var log = new EveLog(File, 8))
        {
            log.TryWrite(Event("\ud800"));
            log.TryWrite(Event("\u0001\u00ff\u2028"));
        }

        foreach (var line in System.IO.File.ReadAllLines(File)) JsonDocument.Parse(line).Dispose();
        Assert.Contains(System.IO.File.ReadAllLines(File), line => line.Contains("\\u0001"));
    }

    [Fact]
    public void Recent_threats_keep_the_newest_first_and_forget_the_oldest()
    {
        var recent = new RecentThreats(3);
        Assert.Empty(recent.Snapshot());
        for (var i = 1; i <= 5; i++) recent.Add(Event($"{i}"));
        Assert.Equal(["/5", "/4", "/3"], recent.Snapshot().Select(e => e.Threat.Http!.Url));
        Assert.Equal(["/5"], recent.Snapshot(1).Select(e => e.Threat.Http!.Url));
        Assert.Equal(5, recent.Total);
    }

    private static EveEvent Event(string url) => new(
        new DateTimeOffset(2026, 3, 4, 5, 6, 7, TimeSpan.Zero).AddTicks(1234560),
        new StreamFacts(
            9422, "guest-7", "web", StreamDirection.Incoming,
            new IPEndPoint(IPAddress.Parse("10.0.0.7"), 8080), new IPEndPoint(IPAddress.Parse("203.0.113.5"), 51234)),
        StreamDirection.Incoming,
        "waf-1",
        new Threat
        {
            SignatureId = 942100,
            Signature = "SQL \"injection\"\n",
            Category = "attack-sqli",
            Severity = 1,
            MatchedRules = [942100, 949110],
            Reference = "ref1",
            Http = new HttpFacts("shop.example", "/" + url, "GET", "HTTP/1.1", "Mozilla", 0),
        },
        Blocked: true);

    /// <summary>A file that does not take a byte until it is freed, and fails when it is told to.</summary>
    private sealed class StuckStream : MemoryStream
    {
        public TaskCompletionSource Free { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public bool Fails { get; set; }

        public override async ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Free.Task;
            if (Fails) throw new IOException("no space left");
            Write(buffer.Span);
        }
    }
}
