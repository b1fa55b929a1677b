using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Auditor;

public sealed class MySpecs
{
    private const string NoDeletes = """
        rules = [
          { action = block
            class = [delete, ddl, files, copy] }
          { action = block
            table = "pay*" }
        ]
        """;

    [Fact]
    public void The_greeting_offers_no_encryption_nor_what_cannot_be_read()
    {
        using var my = new AuditorFixture().Open(AuditorFixture.MySql);
        Assert.Equal(VerdictKind.Hold, my.Server(My.Greeting[..20]));
        my.Server(My.Greeting[20..]);
        var at = My.Greeting.IndexOf("12345678\0", StringComparison.Ordinal) + 9;
        Assert.Equal(My.Greeting.Length, my.ReleasedToClient.Length);
        Assert.Equal(0xf7df, my.ReleasedToClient[at] | my.ReleasedToClient[at + 1] << 8);
        Assert.Equal(0xf0ff, my.ReleasedToClient[at + 5] | my.ReleasedToClient[at + 6] << 8);
    }

    [Fact]
    public void Statements_are_recorded_with_rows_changes_and_errors()
    {
        var auditor = new AuditorFixture();
        using var my = Session(auditor);
        my.Client(My.Query("SELECT * FROM shop.orders WHERE a = 'it\\'s'"));
        my.Server(My.Rows(3));
        my.Client(My.Query("UPDATE t SET a = 1; SELECT 2"));
        my.Server(My.Ok(1, rows: 7, status: 10) + My.Rows(1));
        my.Client(My.Query("SELECT nothing"));
        my.Server(My.Error(1, 1054));
        Assert.Equal(["connect ok", "select ok 3", "update ok 7", "select ok 1", "select error 1054"], auditor.Outcomes);
        Assert.Equal([3L, 7L, 1L], auditor.Records.Skip(1).Take(3).Select(r => r.Rows));
        Assert.Equal(("ada", "shop"), (auditor.Records[1].User, auditor.Records[1].Database));
        Assert.Equal(["shop.orders"], auditor.Records[1].Tables);
    }

    [Fact]
    public void A_blocked_statement_is_answered_by_an_error_and_the_session_goes_on()
    {
        var auditor = new AuditorFixture(NoDeletes);
        using var my = Session(auditor);
        var before = my.ReleasedToServer.Length;
        my.Client(My.Query("DELETE FROM t"));
        Assert.Contains("#42000statement blocked by policy (rule 1)", my.ReleasedToClient);
        Assert.Equal(before, my.ReleasedToServer.Length);
        my.Client(My.Query("SELECT 1"));
        my.Server(My.Rows(1));
        Assert.Equal("select ok 1", auditor.Outcomes.Last());
        Assert.False(my.Blocked);
    }

    [Theory]
    [InlineData("SELECT 1; DROP TABLE t")]
    [InlineData("SELECT 1 /*!50000 ; DROP TABLE t */")]
    [InlineData("SELECT * FROM a, payroll")]
    [InlineData("SELECT * FROM a JOIN `payroll` ON 1")]
    [InlineData("SELECT (SELECT 1 FROM hr.payroll)")]
    [InlineData("SELECT * FROM \"hr\".\"payroll\"")]
    [InlineData("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t")]
    [InlineData("LOAD DATA INFILE '/etc/passwd' INTO TABLE t")]
    [InlineData("SELECT load_file('/etc/passwd')")]
    [InlineData("SELECT 1 INTO OUTFILE '/tmp/x'")]
    [InlineData("REPLACE INTO t VALUES (1)")]
    [InlineData("PREPARE x FROM CONCAT('DROP', ' TABLE t')")]
    [InlineData("SET SESSION SQL_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\'; DROP TABLE t; -- '")]
    [InlineData("SELECT 1 -- \rx\n; DROP TABLE t")]
    [InlineData("nonsense")]
    public void What_a_rule_blocks_is_found_however_it_is_put(string sql)
    {
        var auditor = new AuditorFixture(NoDeletes);
        using var my = Session(auditor);
        var before = my.ReleasedToServer.Length;
        my.Client(My.Query(sql));
        Assert.Equal(before, my.ReleasedToServer.Length);
        Assert.EndsWith("blocked", auditor.Outcomes.Last());
    }

    [Fact]
    public void Prepared_statements_are_recorded_with_the_parameters_of_each_run()
    {
        var auditor = new AuditorFixture("parameters = plain");
        using var my = Session(auditor);
        my.Client(My.Packet(0, "\u0016SELECT a FROM t WHERE b = ? AND c = ?"));
        my.Server(My.Packet(1, "\0\u0009\0\0\0\u0001\0\u0002\0\0\0\0") + My.Packet(2, "\u0003def") + My.Packet(3, "\u0003def") + My.Eof(4) + My.Packet(5, "\u0003def") + My.Eof(6));
        my.Client(My.Packet(0, "\u0017\u0009\0\0\0\0\u0001\0\0\0" + "\0" + "\u0001" + "\u0003\0\u00fd\0" + "\u0005\0\0\0" + "\u0003Ada"));
        my.Server(My.Rows(2));
        Assert.Equal("select ok 2", auditor.Outcomes.Last());
        Assert.Equal(["5", "Ada"], auditor.Records[^1].Parameters);
    }

    [Fact]
    public void A_file_that_the_server_asks_for_passes_to_its_end()
    {
        var auditor = new AuditorFixture();
        using var my = Session(auditor);
        my.Client(My.Query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t"));
        my.Server(My.Packet(1, "\u00fbx"));
        Assert.Equal(VerdictKind.Pass, my.Client(My.Packet(2, new string('d', 5000)) + My.Packet(3, "")));
        my.Server(My.Ok(4, rows: 9));
        Assert.Equal("insert,copy ok 9", auditor.Outcomes.Last());
    }

    [Fact]
    public void A_command_sent_before_the_login_is_answered_is_judged_as_one()
    {
        var auditor = new AuditorFixture(NoDeletes);
        using var my = auditor.Open(AuditorFixture.MySql);
        my.Server(My.Greeting);
        Assert.Equal(VerdictKind.Hold, my.Client(My.Login + My.Query("DROP TABLE t")));
        Assert.Equal(My.Login, my.ReleasedToServer);
        my.Server(My.Ok(2));
        Assert.Equal(My.Login, my.ReleasedToServer);
        Assert.Contains("statement blocked by policy", my.ReleasedToClient);
    }

    [Fact]
    public void A_client_that_takes_up_encryption_all_the_same_is_blocked()
    {
        using var my = new AuditorFixture().Open(AuditorFixture.MySql);
        my.Server(My.Greeting);
        Assert.Equal(VerdictKind.Block, my.Client(My.Packet(1, "\u0088\u008a\u0003\0" + "\0\0\0\u0001" + "\u0021" + new string('\0', 23))));
    }

    private static Conversation Session(AuditorFixture auditor)
    {
        var my = auditor.Open(AuditorFixture.MySql);
        my.Server(My.Greeting);
        my.Client(My.Login);
        my.Server(My.Ok(2));
        return my;
    }
}
