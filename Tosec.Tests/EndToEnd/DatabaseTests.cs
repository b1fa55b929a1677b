namespace Tosec.Tests.EndToEnd;

/// <summary>Unmodified clients in a guest, real servers outside, the auditor between them.</summary>
[Collection(DatabaseCollection.Name)]
public sealed class DatabaseTests(DatabaseSite site)
{
    [Fact]
    public async Task Psql_is_told_what_is_blocked_and_goes_on_in_its_session()
    {
        var bin = Directory.GetDirectories("/usr/lib/postgresql").Order().Last() + "/bin/";
        var data = await site.ServerFolder("pg");
        File.WriteAllText(site["password"], "secret-word\n");
        File.SetUnixFileMode(site["password"], (UnixFileMode)0x1a4);
        await site.RunAsServer(bin + "initdb", "-D", data, "-U", "ada", "-A", "scram-sha-256", "--pwfile", site["password"], "--no-sync");
        await site.StartServer(DatabaseSite.PostgreSql, bin + "postgres", "-D", data, "-h", site.Outside, "-p", $"{DatabaseSite.PostgreSql}", "-k", "", "-F");

        var script = """
            CREATE TABLE watched (id int, word text);
            INSERT INTO watched SELECT n, 'w' || n FROM generate_series(1, 500) n;
            \copy watched FROM PROGRAM 'seq -f "%.0f	copied" 1000 1200'
            CREATE TABLE kept AS SELECT 1 AS n;
            DROP TABLE kept;
            BEGIN;
            DELETE FROM kept;
            SELECT 'still here', count(*) FROM watched;
            COMMIT;
            SELECT no_such_column;
            """;
        var (code, output, errors) = await site.RunInGuest(script, "psql", "-X", "-At", "-h", site.Outside, "-p", $"{DatabaseSite.PostgreSql}", "-U", "ada", "postgres");
        Assert.Equal(0, code);
        Assert.Contains("still here|701\n", output, StringComparison.Ordinal);
        Assert.Contains("statement blocked by policy (rule 1)", errors, StringComparison.Ordinal);
        Assert.Contains("no_such_column", errors, StringComparison.Ordinal);

        var audits = await site.Audits(a => a.GetProperty("outcome").GetString() == "error" && a.GetProperty("error").GetString() == "42703");
        Assert.Contains(audits, a => a.GetProperty("statement").GetString() == "delete from kept" && a.GetProperty("outcome").GetString() == "blocked");
        Assert.Contains(audits, a => a.GetProperty("class").GetString() == "insert,copy" && a.GetProperty("rows").GetInt64() == 201);
        Assert.All(audits, a => Assert.Equal("ada", a.GetProperty("user").GetString()));
        Assert.DoesNotContain(audits, a => a.ToString().Contains("secret-word", StringComparison.Ordinal));

        // The extended protocol, with a batch of its own for each transaction.
        var bench = await site.RunInGuest("", bin + "pgbench", "-h", site.Outside, "-p", $"{DatabaseSite.PostgreSql}", "-U", "ada", "-i", "-q", "postgres");
        Assert.True(bench.Code == 0, bench.Errors);
        bench = await site.RunInGuest("", bin + "pgbench", "-h", site.Outside, "-p", $"{DatabaseSite.PostgreSql}", "-U", "ada", "-M", "prepared", "-c", "2", "-t", "50", "postgres");
        Assert.True(bench.Code == 0, bench.Errors);
        Assert.Contains("number of transactions actually processed: 100/100", bench.Output, StringComparison.Ordinal);
    }
}
