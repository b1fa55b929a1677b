using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines;

// Input that nobody means well with, and what memory it takes.
public abstract partial class EngineConformance
{
    private const int Seed = 20_261_123;
    private const int Endured = 16 << 20;
    private const int ChainHolds = 1 << 20;

    [Fact]
    public async Task Random_input_never_throws_and_leaves_no_memory_behind()
    {
        await Try(RandomPayloads, Seed);
        await MemoryUse.AssertStays(() => Try(RandomPayloads / 50, Seed / 2));
    }

    [Fact]
    public void Streams_without_end_stay_within_the_memory_of_a_connection()
    {
        byte[][] fillers = [Filler("a"), Filler("\0"), Filler("\r\n"), Filler("a: b\r\n"), Filler("' "), Filler("\xff"), Filler("{\"a\":["), Filler("1\r\na\r\n")];
        var endless = Endless.ToList();
        foreach (var filler in fillers)
        {
            endless.Add(([], new Said(true, filler)));
            endless.Add(([], new Said(false, filler)));
            foreach (var talk in Talks)
            {
                var last = talk.Said[^1];
                endless.Add(([.. talk.Said[..^1], last with { Bytes = last.Bytes[..(last.Bytes.Length / 2)] }], last with { Bytes = filler }));
            }
        }

        _ = System;
        foreach (var (begin, more) in endless)
        {
            // The runtime takes memory when it wants to; what a stream takes, it takes each time.
            var used = Enumerable.Range(0, 4).Select(_ => Endure(begin, more)).FirstOrDefault(used => used <= MemoryLimit, long.MaxValue);
            Assert.True(used <= MemoryLimit, $"too much memory for {new Talk([.. begin, more with { Bytes = more.Bytes[..Math.Min(20, more.Bytes.Length)] }], default, [])}");
        }

        static byte[] Filler(string text) => Said.Client(string.Concat(Enumerable.Repeat(text, 16_384 / text.Length))).Bytes;
    }

    [Fact]
    public Task Connections_leave_no_memory_behind_wherever_they_break_off()
    {
        return MemoryUse.AssertStays(BreakOff);

        Task BreakOff()
        {
            foreach (var talk in Talks)
            {
                foreach (var begin in talk.BrokenOff())
                {
                    var inspector = System.Open(Conversation.Facts(StreamDirection.Incoming));
                    foreach (var said in begin) inspector.Inspect(said.IsClient ? StreamDirection.Incoming : StreamDirection.Outgoing, said.Bytes);
                    inspector.Dispose();
                    inspector.Dispose();
                }
            }

            return Task.CompletedTask;
        }
    }

    [Fact]
    public Task Engines_leave_no_memory_behind_and_may_be_disposed_twice()
    {
        return MemoryUse.AssertStays(MakeAndDispose);

        // With a connection that lives on.
        Task MakeAndDispose()
        {
            var system = Make();
            var talk = Talks.First(talk => talk.Verdict == VerdictKind.Pass);
            using (var conversation = new Conversation(system))
            {
                foreach (var said in talk.Said[..^1]) Give(conversation, said);
                system.Dispose();
                system.Dispose();
                Give(conversation, talk.Said[^1]);
                Finish(talk, conversation);
            }

            system.Dispose();
            return Task.CompletedTask;
        }
    }

    private Task Try(int payloads, int seed)
    {
        var mutations = new Mutations(Talks);
        return OnWorkers(worker =>
        {
            var tried = 0;
            for (var i = worker; tried < payloads / Workers; i += Workers)
            {
                try
                {
                    tried += Try(mutations, new Random(unchecked(seed + i)));
                }
                catch (Exception failure)
                {
                    throw new InvalidOperationException($"random talk of seed {seed} + {i}", failure);
                }
            }
        });
    }

    private int Try(Mutations mutations, Random random)
    {
        var tried = 0;
        using var conversation = new Conversation(System, (StreamDirection)random.Next(2));
        foreach (var said in mutations.Make(random))
        {
            tried++;
            if (!Give(conversation, said)) break;
            if (random.Next(50) == 0) conversation.ClientHoldLimit();
            if (random.Next(50) == 0) conversation.ServerHoldLimit();
            if (random.Next(50) == 0) conversation.ClientEnds();
            if (random.Next(50) == 0) conversation.ServerEnds();
        }

        // What is blocked is over; to be asked once more still does no harm.
        conversation.Client("x");
        conversation.ServerHoldLimit();
        conversation.ClientEnds();
        conversation.ServerEnds();
        return tried;
    }

    /// <summary>Returns the memory that the stream uses at its worst.</summary>
    private long Endure(Said[] begin, Said more)
    {
        var before = MemoryUse.Now();
        using var inspector = System.Open(Conversation.Facts(StreamDirection.Incoming));
        var given = 0;
        var held = 0;
        var used = 0L;
        foreach (var said in begin.Concat(Enumerable.Repeat(more, Endured / more.Bytes.Length)))
        {
            var direction = said.IsClient ? StreamDirection.Incoming : StreamDirection.Outgoing;
            var verdict = inspector.Inspect(direction, said.Bytes).Kind;
            given += said.Bytes.Length;
            held = verdict == VerdictKind.Hold ? held + said.Bytes.Length : 0;
            if (held > ChainHolds)
            {
                verdict = inspector.HoldLimit(direction).Kind;
                held = 0;
            }

            if (verdict == VerdictKind.Block) break;
            if (used == 0 && given > Endured / 16) used = MemoryUse.Now() - before;
        }

        return Math.Max(used, MemoryUse.Now() - before);
    }
}
