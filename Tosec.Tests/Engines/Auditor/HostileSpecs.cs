using System.Text;
using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Auditor;

/// <summary>The readers of all three protocols, given what a hostile peer might send, and the same bytes in other pieces.</summary>
public sealed class HostileSpecs
{
    private const int Inputs = 1_000_000;

    private const string Rules = """
        rules = [
          { action = block
            class = delete }
          { action = block
            function = flushall }
        ]
        """;

    // Who speaks, and what: a client's turn is a capital.
    private static readonly Dictionary<int, (bool IsClient, string Bytes)[]> _talks = new()
    {
        [AuditorFixture.PostgreSql] =
        [
            (true, Pg.Ssl), (true, Pg.Startup("ada", "shop")), (false, Pg.Message('R', "\0\0\0\u0005salt")), (true, Pg.Message('p', "md5\0")), (false, Pg.Ok),
            (true, Pg.Query("SELECT 1") + Pg.Query("DELETE FROM t") + Pg.Parse("s", "SELECT $1") + Pg.Bind("", "s", "v") + Pg.Execute("") + Pg.Sync),
            (false, Pg.Row + Pg.Done("SELECT 1") + Pg.Ready()), (false, Pg.Message('1', "") + Pg.Message('2', "") + Pg.Row + Pg.Done("SELECT 1") + Pg.Ready()),
            (true, Pg.Query("COPY t FROM STDIN")), (false, Pg.Message('G', "\0\0\0")), (true, Pg.Message('d', "1\n") + Pg.Message('c', "")),
            (false, Pg.Done("COPY 1") + Pg.Ready()), (true, Pg.Message('X', "")),
        ],
        [AuditorFixture.MySql] =
        [
            (false, My.Greeting), (true, My.Login), (false, My.Ok(2)), (true, My.Query("SELECT 1")), (false, My.Rows(2)), (true, My.Query("DELETE FROM t")),
            (true, My.Packet(0, "\u0016SELECT ?")), (false, My.Packet(1, "\0\u0009\0\0\0\0\0\u0001\0\0\0\0") + My.Packet(2, "\u0003def") + My.Eof(3)),
            (true, My.Packet(0, "\u0017\u0009\0\0\0\0\u0001\0\0\0\0\u0001\u00fd\0\u0003Ada")), (false, My.Rows(1)),
            (true, My.Query("LOAD DATA LOCAL INFILE 'x' INTO TABLE t")), (false, My.Packet(1, "\u00fbx")), (true, My.Packet(2, "abc") + My.Packet(3, "")),
            (false, My.Ok(4, 1)), (true, My.Packet(0, "\u0001")),
        ],
        [AuditorFixture.Redis] =
        [
            (true, RedisSpecs.Command("SET", "k", "v") + RedisSpecs.Command("FLUSHALL") + "GET k\r\n"), (false, "+OK\r\n"), (false, "$1\r\nv\r\n"),
            (true, RedisSpecs.Command("HELLO", "3")), (false, "%1\r\n+a\r\n*2\r\n:1\r\n_\r\n"), (true, RedisSpecs.Command("MULTI")), (false, "+OK\r\n"),
            (true, RedisSpecs.Command("INCR", "n") + RedisSpecs.Command("EXEC")), (false, "+QUEUED\r\n*1\r\n:1\r\n"),
        ],
    };

    [Theory]
    [InlineData(AuditorFixture.PostgreSql)]
    [InlineData(AuditorFixture.MySql)]
    [InlineData(AuditorFixture.Redis)]
    public void Every_message_split_at_every_byte_gives_the_same_verdicts_and_records(int port)
    {
        var whole = Hold(port, StreamDirection.Incoming, -1, 0);
        Assert.DoesNotContain("blocked: ", whole);
        Assert.Equal(whole, Hold(port, StreamDirection.Outgoing, -1, 0));
        for (var turn = 0; turn < _talks[port].Length; turn++)
        {
            for (var cut = 0; cut <= _talks[port][turn].Bytes.Length; cut++)
                Assert.True(whole == Hold(port, StreamDirection.Incoming, turn, cut), $"turn {turn} cut at {cut}");
        }
    }

    [Theory]
    [InlineData(AuditorFixture.PostgreSql)]
    [InlineData(AuditorFixture.MySql)]
    [InlineData(AuditorFixture.Redis)]
    public void A_million_malformed_inputs_neither_throw_nor_pass_what_is_refused(int port)
    {
        const int Seed = 20260728;
        var random = new Random(Seed);
        var given = 0;
        var auditor = new AuditorFixture(Rules + "\nmessage-limit = 1 KiB\nprepared-limit = 4\npending-limit = 8");
        while (given < Inputs)
        {
            using var talk = auditor.Open(port, random.Next(2) == 0 ? StreamDirection.Incoming : StreamDirection.Outgoing);
            foreach (var (isClient, bytes) in _talks[port])
            {
                var mutated = Mutate(random, Encoding.Latin1.GetBytes(bytes));
                for (var at = 0; at < mutated.Length && !talk.Blocked;)
                {
                    var part = Math.Min(mutated.Length - at, 1 + random.Next(mutated.Length));
                    if (isClient) talk.Client(mutated.AsSpan(at, part));
                    else talk.Server(mutated.AsSpan(at, part));
                    at += part;
                    given++;
                }

                if (talk.Blocked) break;
                if (random.Next(16) == 0 && talk.ClientHoldLimit() == VerdictKind.Block) break;
            }

            if (random.Next(4) == 0) talk.ClientEnds();
            auditor.Records.Clear();
            // Most blocked talks end soon; each further verdict of theirs counts as an input too.
            given++;
        }
    }

    private static byte[] Mutate(Random random, byte[] bytes)
    {
        for (var n = random.Next(4) == 0 ? 1 + random.Next(3) : 0; n > 0 && bytes.Length > 0; n--)
        {
            var at = random.Next(bytes.Length);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)(random.Next(2) == 0 ? 0xff : 0);
                    break;
                case 2:
                    bytes = [.. bytes[..at], .. bytes[(at + random.Next(bytes.Length - at))..]];
                    break;
                default:
                    bytes = [.. bytes[..at], (byte)random.Next(256), .. bytes[at..]];
                    break;
            }
        }

        return bytes;
    }

    // The whole talk, one turn cut in two: what came out, and what was recorded.
    private static string Hold(int port, StreamDirection initiator, int turn, int cut)
    {
        var auditor = new AuditorFixture(Rules);
        string released;
        using (var talk = auditor.Open(port, initiator))
        {
            for (var n = 0; n < _talks[port].Length; n++)
            {
                var (isClient, bytes) = _talks[port][n];
                foreach (var part in n == turn ? new[] { bytes[..cut], bytes[cut..] } : [bytes])
                {
                    if (isClient) talk.Client(part);
                    else talk.Server(part);
                }
            }

            released = talk.ReleasedToServer + "|" + talk.ReleasedToClient + "|" + (talk.Blocked ? "blocked: " + talk.Threats[^1].Signature : "");
        }

        return released + string.Join('\n', auditor.Outcomes);
    }
}
