using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Auditor;

public sealed class PgSpecs
{
    private const string NoDeletes = """
        rules = [
          { action = block
            class = [delete, ddl] }
          { action = block
            table = "pay*" }
          { action = alert
            function = pg_sleep }
        ]
        """;

    [Fact]
    public void A_statement_is_recorded_with_who_what_and_what_came_of_it()
    {
        var auditor = new AuditorFixture();
        using var pg = Session(auditor);
        pg.Client(Pg.Query("SELECT a, lower(b) FROM shop.orders WHERE id IN (1, 2, 3) AND name = 'Ada'"));
        pg.Server(Pg.Row + Pg.Row + Pg.Done("SELECT 2") + Pg.Ready());
        var record = auditor.Records[^1];
        Assert.Equal(("ada", "shop", "select", "ok", 2L), (record.User, record.Database, record.Class, record.Outcome, record.Rows));
        Assert.Equal("select a , lower ( b ) from shop . orders where id in ( ? ) and name = ?", record.Statement);
        Assert.Equal(["shop.orders"], record.Tables);
        Assert.Equal(["lower"], record.Functions);
        Assert.Equal(["number(1)", "number(1)", "number(1)", "text(5)"], record.Parameters);
        Assert.Matches("^[0-9a-f]{16}$", record.Fingerprint);
    }

    [Fact]
    public void A_blocked_statement_is_answered_by_an_error_and_the_session_goes_on()
    {
        var auditor = new AuditorFixture(NoDeletes);
        using var pg = Session(auditor);
        Assert.Equal(VerdictKind.Pass, pg.Client(Pg.Query("DELETE FROM orders")));
        Assert.EndsWith("Z\0\0\0\u0005I", pg.ReleasedToClient);
        Assert.Contains("C42501\0Mstatement blocked by policy (rule 1)\0", pg.ReleasedToClient);
        pg.Client(Pg.Query("SELECT 1"));
        pg.Server(Pg.Row + Pg.Done("SELECT 1") + Pg.Ready());
        Assert.Equal(["connect ok", "delete blocked", "select ok 1"], auditor.Outcomes);
        Assert.DoesNotContain("DELETE", pg.ReleasedToServer);
        Assert.Equal(1, pg.Threat.SignatureId);
        Assert.False(pg.Blocked);
    }

    [Theory]
    [InlineData("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d")]
    [InlineData("SELECT 1; DELETE FROM t")]
    [InlineData("EXPLAIN ANALYZE DELETE FROM t")]
    [InlineData("PREPARE p AS DELETE FROM t")]
    [InlineData("SELECT * FROM a JOIN (SELECT * FROM payroll) p ON true")]
    [InlineData("INSERT INTO a SELECT * FROM s.payments")]
    [InlineData("SELECT * INTO x FROM t")]
    [InlineData("COPY payroll TO STDOUT")]
    [InlineData("TRUNCATE t")]
    [InlineData("DO $$ BEGIN DELETE FROM t; END $$; DROP TABLE t")]
    [InlineData("SELECT '\\'; DROP TABLE t; --'")]
    [InlineData("SELECT /* /* */ 1 */ 1; drop table t")]
    [InlineData("SELEC 1")]
    [InlineData("SELECT 'open")]
    public void What_a_rule_blocks_is_found_however_it_is_put(string sql)
    {
        var auditor = new AuditorFixture(NoDeletes);
        using var pg = Session(auditor);
        pg.Client(Pg.Query(sql));
        Assert.Equal(Pg.Startup("ada", "shop"), pg.ReleasedToServer);
        Assert.EndsWith("blocked", auditor.Outcomes.Last());
    }

    [Theory]
    [InlineData("SELECT 'DELETE FROM t; -- ''; DROP TABLE t'")]
    [InlineData("SELECT $x$ '; DROP TABLE payroll $x$")]
    [InlineData("SELECT E'\\'; DROP TABLE t; --'")]
    [InlineData("SELECT 'C:\\dir\\file'")]
    [InlineData("SELECT \"delete\" FROM \"drop\"")]
    [InlineData("")]
    [InlineData("-- only a comment")]
    public void What_only_looks_like_it_passes(string sql)
    {
        var auditor = new AuditorFixture(NoDeletes);
        using var pg = Session(auditor);
        Assert.Equal(VerdictKind.Pass, pg.Client(Pg.Query(sql)));
        Assert.EndsWith(Pg.Query(sql), pg.ReleasedToServer);
        Assert.Empty(pg.Threats);
    }

    [Fact]
    public void A_refused_statement_waits_for_the_answers_before_it()
    {
        var auditor = new AuditorFixture(NoDeletes);
        using var pg = Session(auditor);
        var before = pg.ReleasedToClient.Length;
        pg.Client(Pg.Query("SELECT 1") + Pg.Query("DROP TABLE t") + Pg.Query("SELECT 2"));
        Assert.EndsWith(Pg.Query("SELECT 1"), pg.ReleasedToServer);
        Assert.Equal(before, pg.ReleasedToClient.Length);
        pg.Server(Pg.Done("SELECT 1") + Pg.Ready('T')[..3]);
        Assert.EndsWith(Pg.Query("SELECT 1"), pg.ReleasedToServer);
        pg.Server(Pg.Ready('T')[3..]);
        Assert.EndsWith(Pg.Query("SELECT 1") + Pg.Query("SELECT 2"), pg.ReleasedToServer);
        // The transaction that was open is open still.
        Assert.EndsWith(Pg.Ready('T'), pg.ReleasedToClient);
        Assert.Contains("42501", pg.ReleasedToClient[(before + 20)..]);
    }

    [Fact]
    public void Prepared_statements_are_recorded_with_the_parameters_of_each_run()
    {
        var auditor = new AuditorFixture("parameters = plain");
        using var pg = Session(auditor);
        pg.Client(Pg.Parse("s", "UPDATE t SET a = $1 WHERE b = $2") + Pg.Bind("", "s", "x", null) + Pg.Execute("") + Pg.Sync);
        pg.Server(Pg.Message('1', "") + Pg.Message('2', "") + Pg.Done("UPDATE 3") + Pg.Ready());
        pg.Client(Pg.Bind("", "s", "y", "z") + Pg.Execute("") + Pg.Sync);
        pg.Server(Pg.Message('2', "") + Pg.Error("23505") + Pg.Ready());
        Assert.Equal(["connect ok", "update ok 3", "update error 23505"], auditor.Outcomes);
        Assert.Equal(["x", "NULL"], auditor.Records[1].Parameters);
        Assert.Equal(["y", "z"], auditor.Records[2].Parameters);
    }

    [Fact]
    public void A_batch_with_a_refused_statement_is_refused_as_a_whole()
    {
        var auditor = new AuditorFixture(NoDeletes);
        using var pg = Session(auditor);
        var good = Pg.Parse("", "INSERT INTO t VALUES (1)") + Pg.Bind("", "") + Pg.Execute("");
        var evil = Pg.Parse("", "DELETE FROM t") + Pg.Bind("", "") + Pg.Execute("");
        pg.Client(good + evil + Pg.Sync);
        Assert.Equal(Pg.Startup("ada", "shop"), pg.ReleasedToServer);
        Assert.EndsWith(Pg.Ready(), pg.ReleasedToClient);
        pg.Client(good + Pg.Sync);
        Assert.EndsWith(good + Pg.Sync, pg.ReleasedToServer);
    }

    [Fact]
    public void A_refused_part_that_was_flushed_is_skipped_to_its_Sync()
    {
        var auditor = new AuditorFixture(NoDeletes);
        using var pg = Session(auditor);
        pg.Client(Pg.Parse("", "DELETE FROM t") + Pg.Flush);
        Assert.Contains("42501", pg.ReleasedToClient);
        Assert.False(pg.ReleasedToClient.EndsWith(Pg.Ready(), StringComparison.Ordinal) && pg.ReleasedToClient.IndexOf(Pg.Ready(), StringComparison.Ordinal) < pg.ReleasedToClient.Length - 10);
        pg.Client(Pg.Bind("", "") + Pg.Execute("") + Pg.Sync + Pg.Query("SELECT 1"));
        Assert.EndsWith(Pg.Ready(), pg.ReleasedToClient);
        Assert.Equal(Pg.Startup("ada", "shop") + Pg.Query("SELECT 1"), pg.ReleasedToServer);
    }

    [Fact]
    public void Statements_behind_an_error_are_not_taken_for_run()
    {
        var auditor = new AuditorFixture();
        using var pg = Session(auditor);
        pg.Client(Pg.Query("SELECT 1; SELECT x; SELECT 3"));
        pg.Server(Pg.Done("SELECT 1") + Pg.Error("42703") + Pg.Ready());
        Assert.Equal(["connect ok", "select ok 1", "select error 42703", "select unanswered"], auditor.Outcomes);
    }

    [Fact]
    public void Copy_data_passes_as_it_comes()
    {
        var auditor = new AuditorFixture();
        using var pg = Session(auditor);
        pg.Client(Pg.Query("COPY t FROM STDIN"));
        pg.Server(Pg.Message('G', "\0\0\0"));
        var data = Pg.Message('d', new string('x', 100_000));
        for (var at = 0; at < data.Length; at += 1000)
            Assert.Equal(VerdictKind.Pass, pg.Client(data[at..Math.Min(at + 1000, data.Length)]));
        pg.Client(Pg.Message('c', ""));
        pg.Server(Pg.Done("COPY 17") + Pg.Ready());
        Assert.Equal("insert,copy ok 17", auditor.Outcomes.Last());
        Assert.Equal(["t"], auditor.Records[^1].Tables);
    }

    [Fact]
    public void Encryption_is_refused_and_the_session_goes_on_in_the_clear()
    {
        var auditor = new AuditorFixture();
        using var pg = auditor.Open(AuditorFixture.PostgreSql);
        pg.Client(Pg.Ssl);
        Assert.Equal("N", pg.ReleasedToClient);
        Assert.Equal("", pg.ReleasedToServer);
        pg.Client(Pg.Startup("ada", "shop"));
        Assert.Equal(Pg.Startup("ada", "shop"), pg.ReleasedToServer);
    }

    [Fact]
    public void Encryption_may_pass_uninspected_when_the_server_agrees()
    {
        var auditor = new AuditorFixture("encryption = pass");
        using var pg = auditor.Open(AuditorFixture.PostgreSql);
        pg.Client(Pg.Ssl);
        Assert.Equal(VerdictKind.Hold, pg.Client("too early"));
        pg.Server("S");
        Assert.Equal(VerdictKind.Pass, pg.Client("anything"));
        Assert.Equal(Pg.Ssl + "too earlyanything", pg.ReleasedToServer);
    }

    [Fact]
    public void A_user_who_may_not_connect_is_told_so()
    {
        var auditor = new AuditorFixture("""
            rules = [
              { action = block
                user = "ad*"
                class = connect }
            ]
            """);
        using var pg = auditor.Open(AuditorFixture.PostgreSql);
        Assert.Equal(VerdictKind.Block, pg.Client(Pg.Startup("ada", "shop")));
        Assert.Contains("28000", global::System.Text.Encoding.Latin1.GetString(pg.Threat.Answer.Span));
        Assert.Equal("", pg.ReleasedToServer);
    }

    [Fact]
    public void Cancel_requests_are_recorded()
    {
        var auditor = new AuditorFixture();
        using (var pg = auditor.Open(AuditorFixture.PostgreSql))
            Assert.Equal(VerdictKind.Pass, pg.Client(Pg.Cancel));
        Assert.Equal("admin", auditor.Records.Single().Class);
    }

    [Theory]
    [InlineData("09:00-17:00", true)]
    [InlineData("13:00-17:00", false)]
    [InlineData("22:00-12:30", true)]
    public void Rules_have_hours(string hours, bool blocked)
    {
        var auditor = new AuditorFixture($$"""
            rules = [
              { action = block
                class = select
                hours = "{{hours}}" }
            ]
            """);
        using var pg = Session(auditor);
        pg.Client(Pg.Query("SELECT 1"));
        Assert.Equal(blocked, pg.Threats.Count == 1);
    }

    [Theory]
    [InlineData("alert", false)]
    [InlineData("block", true)]
    public void Too_many_rows_are_reported_or_end_the_connection(string action, bool blocked)
    {
        var auditor = new AuditorFixture($$"""
            rules = [
              { action = {{action}}
                table = people
                rows-over = 2 }
            ]
            """);
        using var pg = Session(auditor);
        pg.Client(Pg.Query("SELECT * FROM people"));
        pg.Server(Pg.Row + Pg.Row);
        Assert.Empty(pg.Threats);
        pg.Server(Pg.Row + Pg.Row + Pg.Done("SELECT 4") + Pg.Ready());
        Assert.Equal(1, pg.Threat.SignatureId);
        Assert.Equal(blocked, pg.Blocked);
    }

    [Fact]
    public void An_allow_rule_needs_every_table_to_match()
    {
        var auditor = new AuditorFixture("""
            otherwise = block
            rules = [
              { action = allow
                class = connect }
              { action = allow
                class = select
                table = open }
            ]
            """);
        using var pg = Session(auditor);
        pg.Client(Pg.Query("SELECT * FROM open"));
        pg.Server(Pg.Done("SELECT 0") + Pg.Ready());
        pg.Client(Pg.Query("SELECT * FROM open, secret"));
        pg.Client(Pg.Query("SELECT 1"));
        Assert.Equal(["connect ok", "select ok 0", "select blocked", "select blocked"], auditor.Outcomes);
    }

    [Theory]
    [InlineData("GET / HTTP/1.1\r\nHost: a\r\n\r\n")]
    [InlineData("\0\0\0\u0008\0\u0002\0\0")]
    [InlineData("\u00ff\u00ff\u00ff\u00ff\0\u0003\0\0")]
    public void What_is_not_PostgreSQL_is_blocked(string bytes)
    {
        using var pg = new AuditorFixture().Open(AuditorFixture.PostgreSql);
        Assert.Equal(VerdictKind.Block, pg.Client(bytes));
    }

    [Fact]
    public void A_port_of_no_protocol_is_blocked()
    {
        using var other = new AuditorFixture().Open(1234);
        Assert.Equal(VerdictKind.Block, other.Client("x"));
    }

    private static Conversation Session(AuditorFixture auditor)
    {
        var pg = auditor.Open(AuditorFixture.PostgreSql);
        pg.Client(Pg.Startup("ada", "shop"));
        pg.Server(Pg.Ok);
        return pg;
    }
}
