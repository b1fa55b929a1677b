using System.Security.Cryptography;
using Tosec.Tests.Engines.Antivirus;

namespace Tosec.Tests.EndToEnd;

/// <summary>curl and a web server of the guest, with clamd between them.</summary>
public sealed class AntivirusTests(AntivirusSite site) : IClassFixture<AntivirusSite>
{
    [Fact]
    public async Task Files_pass_both_ways_malware_does_not_and_without_clamd_nothing_does()
    {
        var large = new byte[200_000];
        Random.Shared.NextBytes(large);
        File.WriteAllBytes(site["www/large.bin"], large);
        File.WriteAllText(site["www/clean.txt"], "a clean file\n");
        File.WriteAllBytes(site["www/bad.zip"], System.Text.Encoding.Latin1.GetBytes(Eicar.Zip(Eicar.Text)));
        var server = site.Start("python3", "-m", "http.server", "--bind", site.Alice, $"{AntivirusSite.WebPort}");
        await Site.Listening(server, site.Alice, AntivirusSite.WebPort);
        var address = $"http://{site.Alice}:{AntivirusSite.WebPort}";

        Assert.Equal((0, "a clean file\n", ""), await site.RunOutside("curl", "-sS", "-m", "30", $"{address}/clean.txt"));
        var whole = await site.RunOutside("curl", "-sS", "-m", "30", "-o", site["large.out"], $"{address}/large.bin");
        Assert.True(whole.Code == 0, whole.Errors + (await site.Command("antivirus-1", "threat", "list")));
        Assert.Equal(SHA256.HashData(large), SHA256.HashData(File.ReadAllBytes(site["large.out"])));

        var download = await site.RunOutside("curl", "-sS", "-m", "30", "-o", site["bad.out"], $"{address}/bad.zip");
        Assert.NotEqual(0, download.Code);
        Assert.True(!File.Exists(site["bad.out"]) || new FileInfo(site["bad.out"]).Length == 0);

        foreach (var form in new[] { "file=@bad.zip", "file=@clean.txt" })
        {
            var upload = await site.RunOutside("curl", "-sS", "-m", "30", "-w", "%{http_code}", "-F", form, $"{address}/upload");
            // The server takes no uploads, but is asked.
            Assert.EndsWith(form.Contains("bad", StringComparison.Ordinal) ? "403" : "501", upload.Output, StringComparison.Ordinal);
        }

        var threats = (await site.Command("antivirus-1", "threat", "list")).EnumerateArray().ToArray();
        Assert.Equal(2, threats.Length);
        Assert.All(threats, t => Assert.Contains("Tosec.Eicar", t.GetProperty("message").GetString()!, StringComparison.Ordinal));
        await Site.Until(() => Task.FromResult(site.Events().Any(e => e.GetProperty("event_type").GetString() == "fileinfo"
            && e.GetProperty("fileinfo").GetProperty("filename").GetString() == "/large.bin"
            && e.GetProperty("fileinfo").GetProperty("sha256").GetString() == Convert.ToHexStringLower(SHA256.HashData(large)))), "no fileinfo event");

        site.Clamd.Kill();
        var unscanned = await site.RunOutside("curl", "-sS", "-m", "30", $"{address}/clean.txt");
        Assert.NotEqual(0, unscanned.Code);
        Assert.Equal("", unscanned.Output);
        await Site.Until(() => Task.FromResult(site.Events().Any(e => e.GetProperty("event_type").GetString() == "anomaly")), "no anomaly event");
        site.Clamd.Start();
        Assert.Equal((0, "a clean file\n", ""), await site.RunOutside("curl", "-sS", "-m", "30", $"{address}/clean.txt"));
    }
}
