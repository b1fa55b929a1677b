using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Auditor;

public sealed class RedisSpecs
{
    private const string NoFlush = """
        parameters = plain
        rules = [
          { action = block
            function = "flush*" }
          { action = block
            table = "secret:*" }
          { action = block
            function = "config|set" }
        ]
        """;

    [Fact]
    public void Commands_are_recorded_with_keys_and_what_came_of_them()
    {
        var auditor = new AuditorFixture(NoFlush);
        using var redis = auditor.Open(AuditorFixture.Redis);
        redis.Client(Command("SET", "k", "v") + Command("MGET", "a", "b") + "GET inline\r\n" + Command("INCR", "k"));
        redis.Server("+OK\r\n*2\r\n$1\r\nx\r\n$-1\r\n$-1\r\n-WRONGTYPE no\r\n");
        Assert.Equal(["insert ok", "select ok 2", "select ok 0", "insert error WRONGTYPE"], auditor.Outcomes);
        Assert.Equal(["k"], auditor.Records[0].Tables);
        Assert.Equal(["a", "b"], auditor.Records[1].Tables);
        Assert.Equal("set ?", auditor.Records[0].Statement);
        Assert.Equal(["k", "v"], auditor.Records[0].Parameters);
    }

    [Fact]
    public void A_refused_command_in_a_pipeline_is_answered_in_its_turn()
    {
        var auditor = new AuditorFixture(NoFlush);
        using var redis = auditor.Open(AuditorFixture.Redis);
        redis.Client(Command("SET", "k", "v") + Command("FLUSHALL") + Command("GET", "k") + Command("GET", "secret:1") + Command("PING"));
        Assert.Equal(Command("SET", "k", "v"), redis.ReleasedToServer);
        redis.Server("+O");
        redis.Server("K\r\n");
        Assert.EndsWith(Command("GET", "k"), redis.ReleasedToServer);
        redis.Server("$1\r\nv\r\n");
        redis.Server("+PONG\r\n");
        Assert.Equal("+OK\r\n-NOPERM command blocked by policy (rule 1)\r\n$1\r\nv\r\n-NOPERM command blocked by policy (rule 2)\r\n+PONG\r\n", redis.ReleasedToClient);
        Assert.False(redis.Blocked);
    }

    [Theory]
    [InlineData("FlushAll\r\n")]
    [InlineData("*3\r\n$6\r\nconfig\r\n$3\r\nSET\r\n$1\r\nx\r\n")]
    [InlineData("*3\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n0\r\n")]
    [InlineData("nonsense\r\n")]
    [InlineData("get \"secret:1\"\r\n")]
    public void What_a_rule_blocks_is_found_however_it_is_put(string command)
    {
        var auditor = new AuditorFixture(NoFlush);
        using var redis = auditor.Open(AuditorFixture.Redis);
        redis.Client(command);
        Assert.Equal("", redis.ReleasedToServer);
        Assert.StartsWith("-NOPERM ", redis.ReleasedToClient);
    }

    [Fact]
    public void A_transaction_that_lacks_a_refused_command_is_not_executed()
    {
        var auditor = new AuditorFixture(NoFlush);
        using var redis = auditor.Open(AuditorFixture.Redis);
        redis.Client(Command("MULTI"));
        redis.Server("+OK\r\n");
        redis.Client(Command("FLUSHALL"));
        Assert.Equal(VerdictKind.Block, redis.Client(Command("EXEC")));
        Assert.DoesNotContain("EXEC", redis.ReleasedToServer);
    }

    [Fact]
    public void Replies_of_RESP_3_are_counted_as_one_each()
    {
        var auditor = new AuditorFixture();
        using var redis = auditor.Open(AuditorFixture.Redis);
        redis.Client(Command("HELLO", "3", "AUTH", "ada", "pw") + Command("HGETALL", "h") + Command("GET", "x"));
        redis.Server("%1\r\n$6\r\nserver\r\n*2\r\n$5\r\nredis\r\n:1\r\n>2\r\n+a\r\n+b\r\n|1\r\n+ttl\r\n:3\r\n%1\r\n+f\r\n,1.5\r\n_\r\n");
        Assert.Equal(3, auditor.Records.Count);
        Assert.Equal("ada", auditor.Records[2].User);
        Assert.DoesNotContain(auditor.Records, r => r.Parameters.Contains("pw"));
    }

    [Theory]
    [InlineData("*1\r\n$4\r\nPINGxx")]
    [InlineData("*1\r\nPING\r\n")]
    [InlineData("*+1\r\n$4\r\nPING\r\n")]
    [InlineData("*999999999999\r\n")]
    [InlineData("*1\r\n$4\r\nSYNC\r\n")]
    public void What_is_not_Redis_is_blocked(string bytes)
    {
        using var redis = new AuditorFixture().Open(AuditorFixture.Redis);
        Assert.Equal(VerdictKind.Block, redis.Client(bytes));
    }

    internal static string Command(params string[] words) => $"*{words.Length}\r\n" + string.Concat(words.Select(w => $"${w.Length}\r\n{w}\r\n"));
}
