using System.Collections.Frozen;
using Tosec.Engines.Auditor.Policy;
using static Tosec.Engines.Auditor.Policy.StatementClass;

namespace Tosec.Engines.Auditor.Redis;

/// <summary>What Redis' commands do, and which of their arguments are keys (redis.io/commands).</summary>
internal static class RedisCommands
{
    private static readonly FrozenDictionary<string, (StatementClass Class, int Step)> _commands = Table();

    // Their arguments are passwords, or may be.
    private static readonly FrozenSet<string> _secret = new[] { "auth", "hello", "acl", "config", "migrate" }.ToFrozenSet();

    /// <summary>Makes a statement of a command's words.</summary>
    /// <param name="words">The command, in any case, and its arguments; at least one.</param>
    public static Statement Judge(IReadOnlyList<string> words)
    {
        var name = words[0].ToLowerInvariant();
        var (classes, step) = _commands.GetValueOrDefault(name, (Unknown, 0));
        var functions = new List<string> { name };
        var normalized = classes == Unknown && name.Any(static c => !char.IsAsciiLetterOrDigit(c) && c is not ('.' or '-' or '_')) ? "unknown" : name;
        var first = 1;
        if (step < 0 && words.Count > 1)
        {
            var word = words[1].ToLowerInvariant();
            functions.Add($"{name}|{word}");
            normalized += " " + word;
            first = 2;
        }

        if (words.Count > first) normalized += " ?";
        var keys = new List<string>();
        for (var i = 1; step > 0 && i < words.Count && keys.Count < 64; i += step) keys.Add(words[i]);
        var literals = _secret.Contains(name) ? [] : words.Skip(first).Take(64).ToArray();
        return new Statement(classes, normalized, Fingerprints.Of(normalized), keys, functions, literals);
    }

    private static FrozenDictionary<string, (StatementClass, int)> Table()
    {
        const int NoKey = 0;
        const int Every = 1;
        const int Second = 2;
        const int First = int.MaxValue / 2;
        const int Container = -1;
        var table = new Dictionary<string, (StatementClass, int)>();
        Add(Select, First, "get getrange substr strlen getbit bitcount bitpos bitfield_ro hget hmget hgetall hkeys hvals hlen hexists hstrlen hscan "
            + "hrandfield lrange llen lindex lpos smembers scard sismember smismember srandmember sscan zrange zrangebyscore zrangebylex zrevrange "
            + "zrevrangebyscore zrevrangebylex zcard zcount zlexcount zscore zmscore zrank zrevrank zrandmember zscan xrange xrevrange xlen type ttl "
            + "pttl expiretime pexpiretime dump geopos geodist geohash geosearch georadius_ro georadiusbymember_ro sort_ro lcs pfcount");
        Add(Select, Every, "mget exists touch sinter sunion sdiff watch");
        Add(Select, NoKey, "keys scan randomkey dbsize zinter zunion zdiff zintercard sintercard xread");
        Add(Insert, First, "set setnx setex psetex append incr incrby incrbyfloat decr decrby setrange setbit bitfield getset hset hsetnx hmset hincrby "
            + "hincrbyfloat lpush rpush lpushx rpushx linsert lset sadd zadd zincrby xadd geoadd pfadd restore restore-asking expire expireat pexpire "
            + "pexpireat persist getex xack xclaim xautoclaim xsetid");
        Add(Insert, Second, "mset msetnx");
        Add(Insert | Delete, Every, "rename renamenx rpoplpush brpoplpush");
        Add(Insert, Every, "sinterstore sunionstore sdiffstore pfmerge copy zrangestore geosearchstore");
        Add(Insert, First, "sort georadius georadiusbymember zinterstore zunionstore zdiffstore");
        Add(Insert, NoKey, "bitop xreadgroup");
        Add(Insert | Delete, First, "smove lmove blmove move");
        Add(Delete, First, "getdel hdel lpop rpop lrem ltrim spop srem zrem zpopmin zpopmax zremrangebyrank zremrangebyscore zremrangebylex xdel xtrim");
        Add(Delete, Every, "del unlink blpop brpop bzpopmin bzpopmax");
        Add(Delete, NoKey, "lmpop blmpop zmpop bzmpop");
        Add(Ddl, NoKey, "flushdb flushall swapdb");
        Add(Transaction, NoKey, "multi exec discard unwatch");
        Add(Session, NoKey, "auth hello ping echo select quit reset time lastsave role info command readonly readwrite asking wait waitaof lolwut");
        Add(Session, Container, "client object memory pubsub xinfo");
        Add(Notify, NoKey, "subscribe psubscribe ssubscribe unsubscribe punsubscribe sunsubscribe publish spublish");
        Add(Dynamic | Unknown, NoKey, "eval evalsha eval_ro evalsha_ro fcall fcall_ro");
        Add(Dynamic | Unknown, Container, "script function");
        Add(Admin, NoKey, "save bgsave bgrewriteaof shutdown monitor migrate failover");
        Add(Admin, Container, "config acl debug module slowlog latency cluster xgroup");
        Add(Replication, NoKey, "slaveof replicaof sync psync replconf");
        return table.ToFrozenDictionary();

        void Add(StatementClass classes, int step, string names)
        {
            foreach (var name in names.Split(' ')) table.Add(name, (classes, step));
        }
    }
}
