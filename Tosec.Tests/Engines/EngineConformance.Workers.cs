using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines;

// Many connections at once, and new rules meanwhile.
public abstract partial class EngineConformance
{
    private const int Workers = 4;
    private const int OpenAtOnce = 20;

    [Fact]
    public Task Connections_of_several_workers_do_not_disturb_one_another() => OnWorkers(worker => Interleave(new Random(worker)));

    [SkippableFact]
    public void Running_connections_keep_their_verdicts_when_rules_are_read_again()
    {
        var reloadable = System as IReloadable;
        Skip.If(reloadable is null, "its rules cannot be read again");
        foreach (var talk in Talks)
        {
            for (var at = 0; at <= talk.Said.Sum(said => said.Bytes.Length); at += 16)
            {
                using var conversation = new Conversation(System);
                var left = at;
                foreach (var said in talk.ByteByByte())
                {
                    if (left-- == 0) Assert.NotEqual("", reloadable.Reload());
                    if (!Give(conversation, said)) break;
                }

                Finish(talk, conversation);
            }
        }
    }

    [SkippableFact]
    public async Task Rules_may_be_read_again_under_load()
    {
        var reloadable = System as IReloadable;
        Skip.If(reloadable is null, "its rules cannot be read again");
        var reloads = Task.Run(() =>
        {
            for (var i = 0; i < 20; i++) reloadable.Reload();
        });
        await OnWorkers(worker =>
        {
            var random = new Random(worker);
            do Interleave(random);
            while (!reloads.IsCompleted);
        });
        await reloads;
    }

    private static Task OnWorkers(Action<int> work) => Task.WhenAll(Enumerable.Range(0, Workers).Select(
        worker => Task.Factory.StartNew(() => work(worker), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default)));

    // As a worker's connections are: each goes on by some bytes whenever its turn comes.
    private void Interleave(Random random)
    {
        var open = new List<(Talk Talk, Conversation Conversation, Queue<Said> Left)>();
        for (var i = 0; i < OpenAtOnce; i++)
        {
            var talk = Talks[random.Next(Talks.Count)];
            open.Add((talk, new Conversation(System, (StreamDirection)random.Next(2)), new Queue<Said>(talk.Said.SelectMany(Chunks))));
        }

        while (open.Count > 0)
        {
            var at = random.Next(open.Count);
            var (talk, conversation, left) = open[at];
            if (left.TryDequeue(out var said) && Give(conversation, said)) continue;
            using (conversation) Finish(talk, conversation);
            open.RemoveAt(at);
        }

        IEnumerable<Said> Chunks(Said said) => said.Bytes.Chunk(random.Next(1, 60)).Select(bytes => said with { Bytes = bytes });
    }
}
