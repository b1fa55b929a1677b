using System.Text;
using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines;

/// <summary>What every network security system promises, whatever it looks for.</summary>
public abstract class InspectorContract
{
    /// <summary>The system under test; the specs do not dispose it.</summary>
    protected abstract INetworkSecuritySystem System { get; }

    /// <summary>Whole client streams, with the verdict they end in (Pass or Block).</summary>
    protected abstract IEnumerable<(string Client, VerdictKind End)> Streams { get; }

    [Fact]
    public void Type_and_description_are_one_line_each()
    {
        Assert.Matches("^[a-z][a-z0-9-]*$", System.Type);
        Assert.NotEqual("", System.Description);
        Assert.DoesNotContain('\n', System.Description);
    }

    [Fact]
    public void Every_stream_split_at_every_byte_ends_in_the_same_verdict()
    {
        foreach (var (client, end) in Streams)
        {
            for (var cut = 0; cut <= client.Length; cut++)
            {
                using var conversation = new Conversation(System);
                conversation.Client(client[..cut]);
                var last = conversation.Client(client[cut..]);
                Assert.True(last == end, $"cut at {cut}: {last} for {client}");
                if (end == VerdictKind.Pass) Assert.Equal(client, conversation.ReleasedToServer);
            }
        }
    }

    [Fact]
    public void Every_stream_given_byte_by_byte_ends_in_the_same_verdict()
    {
        foreach (var (client, end) in Streams)
        {
            using var conversation = new Conversation(System);
            var last = VerdictKind.Pass;
            foreach (var b in Encoding.Latin1.GetBytes(client)) last = conversation.Client([b]);
            Assert.True(last == end, $"{last} for {client}");
        }
    }

    [Fact]
    public void Both_initiators_get_the_same_verdicts()
    {
        foreach (var (client, end) in Streams)
        {
            using var incoming = new Conversation(System, StreamDirection.Incoming);
            using var outgoing = new Conversation(System, StreamDirection.Outgoing);
            Assert.Equal(end, incoming.Client(client));
            Assert.Equal(end, outgoing.Client(client));
        }
    }

    [Fact]
    public void A_stream_that_passes_may_end()
    {
        foreach (var (client, end) in Streams)
        {
            if (end != VerdictKind.Pass) continue;
            using var conversation = new Conversation(System);
            conversation.Client(client);
            Assert.Equal(VerdictKind.Pass, conversation.ClientEnds());
        }
    }

    [Fact]
    public void Hold_limit_is_never_answered_with_hold()
    {
        foreach (var (client, _) in Streams)
        {
            for (var cut = 0; cut <= client.Length; cut += 7)
            {
                using var conversation = new Conversation(System);
                conversation.Client(client[..cut]);
                Assert.NotEqual(VerdictKind.Hold, conversation.ClientHoldLimit());
                Assert.NotEqual(VerdictKind.Hold, conversation.ServerHoldLimit());
            }
        }
    }

    [Fact]
    public void An_empty_payload_changes_nothing()
    {
        foreach (var (client, end) in Streams)
        {
            using var conversation = new Conversation(System);
            Assert.Equal(VerdictKind.Pass, conversation.Client(""));
            Assert.Equal(VerdictKind.Pass, conversation.Server(""));
            Assert.Equal(end, conversation.Client(client));
        }
    }

    [Fact]
    public async Task Four_threads_get_the_same_verdicts_as_one()
    {
        var streams = Streams.ToArray();
        var tasks = Enumerable.Range(0, 4).Select(thread => Task.Factory.StartNew(
            () =>
            {
                for (var round = 0; round < 25; round++)
                {
                    var (client, end) = streams[(round + thread) % streams.Length];
                    using var conversation = new Conversation(System);
                    conversation.Client(client[..(client.Length / 2)]);
                    Assert.Equal(end, conversation.Client(client[(client.Length / 2)..]));
                }
            },
            TaskCreationOptions.LongRunning));
        await Task.WhenAll(tasks);
    }

    [Fact]
    public void An_inspector_may_be_disposed_at_any_byte_and_twice()
    {
        var (client, _) = Streams.First();
        for (var cut = 0; cut <= client.Length; cut += 3)
        {
            var inspector = System.Open(Conversation.Facts(StreamDirection.Incoming));
            inspector.Inspect(StreamDirection.Incoming, Encoding.Latin1.GetBytes(client[..cut]));
            inspector.Dispose();
            inspector.Dispose();
        }
    }
}
