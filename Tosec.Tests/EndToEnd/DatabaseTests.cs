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
        File.AppendAllText(data + "/pg_hba.conf", "host all all 127.0.0.0/8 scram-sha-256\n");
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
        Assert.True(code == 0, errors + output);
        Assert.Contains("still here|701\n", output, StringComparison.Ordinal);
        Assert.Contains("statement blocked by policy (rule 1)", errors, StringComparison.Ordinal);
        Assert.Contains("no_such_column", errors, StringComparison.Ordinal);

        var audits = await site.Audits(a => a.GetProperty("outcome").GetString() == "error" && a.GetProperty("error").GetString() == "42703");
        Assert.Contains(audits, a => a.GetProperty("statement").GetString() == "delete from kept" && a.GetProperty("outcome").GetString() == "blocked");
        Assert.Contains(audits, a => a.GetProperty("class").GetString() == "insert,copy" && a.GetProperty("rows").GetInt64() == 201);
        Assert.All(audits.Where(a => a.GetProperty("database").GetString() == "postgres"), a => Assert.Equal("ada", a.GetProperty("user").GetString()));
        Assert.DoesNotContain(audits, a => a.ToString().Contains("secret-word", StringComparison.Ordinal));

        // The extended protocol, with a batch of its own for each transaction.
        var bench = await site.RunInGuest("", bin + "pgbench", "-h", site.Outside, "-p", $"{DatabaseSite.PostgreSql}", "-U", "ada", "-i", "-q", "postgres");
        Assert.True(bench.Code == 0, bench.Errors);
        bench = await site.RunInGuest("", bin + "pgbench", "-h", site.Outside, "-p", $"{DatabaseSite.PostgreSql}", "-U", "ada", "-M", "prepared", "-c", "2", "-t", "50", "postgres");
        Assert.True(bench.Code == 0, bench.Errors);
        Assert.Contains("number of transactions actually processed: 100/100", bench.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_client_of_MariaDB_is_told_what_is_blocked_and_goes_on_in_its_session()
    {
        var data = await site.ServerFolder("my");
        await site.RunAsServer("mariadb-install-db", "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db");
        File.WriteAllText(site["init.sql"], "CREATE USER ada IDENTIFIED BY 'secret-word';\nGRANT ALL ON *.* TO ada;\nCREATE DATABASE shop;\n");
        await site.StartServer(DatabaseSite.MySql, "/usr/sbin/mariadbd", "--no-defaults", "--datadir=" + data, "--bind-address=" + site.Outside,
            $"--port={DatabaseSite.MySql}", "--socket=" + data + "/socket", "--init-file=" + site["init.sql"], "--local-infile=1", "--pid-file=" + data + "/pid");

        var script = """
            CREATE TABLE watched (id int, word text);
            INSERT INTO watched VALUES (1, 'it\'s'), (2, 'two');
            CREATE TABLE kept (n int);
            DELETE FROM kept;
            SELECT 'still here', count(*) FROM watched;
            SELECT no_such_column;
            """;
        var (_, output, errors) = await site.RunInGuest(script, "mariadb", "--no-defaults", "--force", "-N", "-h", site.Outside, $"-P{DatabaseSite.MySql}", "-uada", "-psecret-word", "shop");
        Assert.True(output.Contains("still here\t2\n", StringComparison.Ordinal), output + errors);
        Assert.Contains("statement blocked by policy (rule 1)", errors, StringComparison.Ordinal);
        var audits = await site.Audits(a => a.GetProperty("outcome").GetString() == "error" && a.GetProperty("error").GetString() == "1054");
        Assert.Contains(audits, a => a.GetProperty("statement").GetString() == "insert into watched values ( ? ) , ( ? )" && a.GetProperty("rows").GetInt64() == 2);
        Assert.DoesNotContain(audits, a => a.ToString().Contains("secret-word", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Redis_cli_is_told_what_is_blocked_and_goes_on_in_its_session()
    {
        await site.StartServer(DatabaseSite.Redis, "redis-server", "--port", $"{DatabaseSite.Redis}", "--bind", site.Outside, "--save", "", "--protected-mode", "no");
        var (code, output, errors) = await site.RunInGuest("SET k v\nFLUSHALL\nGET k\n", "redis-cli", "-h", site.Outside, "-p", $"{DatabaseSite.Redis}");
        Assert.True(code == 0, errors);
        Assert.Equal("OK\nNOPERM command blocked by policy (rule 2)\n\nv\n", output);
        var audits = await site.Audits(a => a.GetProperty("statement").GetString() == "get ?");
        Assert.Contains(audits, a => a.GetProperty("statement").GetString() == "flushall" && a.GetProperty("outcome").GetString() == "blocked");
        var bench = await site.RunInGuest("", "redis-benchmark", "-h", site.Outside, "-p", $"{DatabaseSite.Redis}", "-c", "10", "-n", "5000", "-P", "16", "-q", "-t", "set,get,lpush");
        Assert.True(bench.Code == 0 && !bench.Errors.Contains("rror", StringComparison.Ordinal), bench.Errors);
    }
}
