using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines;

/// <summary>
/// What every engine promises, whatever it looks for. A subclass says how to make the engine, and what it makes of some talks; all
/// promises are tested on these, through the inspection contract alone.
/// </summary>
/// <remarks>Measures the memory of the whole process, so nothing else runs meanwhile.</remarks>
[Collection(EngineCollection.Name)]
public abstract partial class EngineConformance : IDisposable
{
    private INetworkSecuritySystem? _system;

    /// <summary>Makes the engine; the suite disposes it. Called again and again, with the same outcome.</summary>
    protected abstract INetworkSecuritySystem Make();

    /// <summary>What passes and what does not; at least one of them passes.</summary>
    protected abstract IReadOnlyList<Talk> Talks { get; }

    /// <summary>Beginnings that go on for ever with the second part, beside those that the suite knows.</summary>
    protected virtual IEnumerable<(Said[] Begin, Said More)> Endless => [];

    /// <summary>Bytes of memory that one connection may use, both its streams together.</summary>
    protected virtual long MemoryLimit => 2 << 20;

    /// <summary>Random payloads to try.</summary>
    protected virtual int RandomPayloads => 200_000;

    /// <summary>
    /// May this have reached one side, if nothing more ever follows? Where an engine holds its answer is no: what it passes is complete
    /// by the rules of its protocol.
    /// </summary>
    protected virtual bool IsComplete(bool toServer, string released) => true;

    /// <summary>For engines that decide later: waits until what is held has its verdict or needs more bytes.</summary>
    protected virtual void Settle(Conversation conversation)
    {
    }

    private INetworkSecuritySystem System => _system ??= Make();

    public virtual void Dispose()
    {
        _system?.Dispose();
        GC.SuppressFinalize(this);
    }

    [Fact]
    public void Type_and_description_are_one_line_each()
    {
        Assert.Matches("^[a-z][a-z0-9-]*$", System.Type);
        Assert.NotEqual("", System.Description);
        Assert.DoesNotContain('\n', System.Description);
    }

    [Fact]
    public void Every_talk_has_its_verdict_whoever_began()
    {
        Assert.Contains(Talks, talk => talk.Verdict == VerdictKind.Pass);
        foreach (var talk in Talks)
        {
            Lead(talk, talk.Said, StreamDirection.Incoming);
            Lead(talk, talk.Said, StreamDirection.Outgoing);
        }
    }

    [Fact]
    public void An_empty_payload_changes_nothing()
    {
        foreach (var talk in Talks)
            Lead(talk, talk.Said.SelectMany(said => (IEnumerable<Said>)[Said.Client(""), Said.Server(""), said, said with { Bytes = [] }]));
    }

    /// <summary>Leads the talk to its end, and checks what comes of it.</summary>
    private void Lead(Talk talk, IEnumerable<Said> said, StreamDirection initiator = StreamDirection.Incoming)
    {
        using var conversation = new Conversation(System, initiator);
        foreach (var one in said)
            if (!Give(conversation, one)) break;
        Finish(talk, conversation);
    }

    /// <summary>Returns whether the connection lives on.</summary>
    private bool Give(Conversation conversation, Said said)
    {
        _ = said.IsClient ? conversation.Client(said.Bytes) : conversation.Server(said.Bytes);
        Settle(conversation);
        return !conversation.Blocked;
    }

    private void End(Conversation conversation)
    {
        if (!conversation.Blocked) conversation.ClientEnds();
        Settle(conversation);
        if (!conversation.Blocked) conversation.ServerEnds();
        Settle(conversation);
    }

    private void Finish(Talk talk, Conversation conversation)
    {
        End(conversation);
        Assert.True(talk.Signatures.SequenceEqual(conversation.Signatures), $"{string.Join(' ', conversation.Signatures)} is found in {talk}");
        var isWhole = conversation.ReleasedToServer == talk.Text(client: true) && conversation.ReleasedToClient == talk.Text(client: false);
        Assert.True(isWhole == talk.Verdict is VerdictKind.Pass or VerdictKind.Alert, $"{(isWhole ? "all" : "not all")} is released of {talk}");
        CheckReleased(talk, conversation);
    }

    private void CheckReleased(Talk talk, Conversation conversation)
    {
        var (toServer, toClient) = (conversation.ReleasedToServer, conversation.ReleasedToClient);
        Assert.True(IsComplete(toServer: true, toServer), $"passed half to the server: {toServer}");
        Assert.True(IsComplete(toServer: false, toClient), $"passed half to the client: {toClient}");
        if (talk.Harm == "") return;
        Assert.DoesNotContain(talk.Harm, toServer, StringComparison.Ordinal);
        Assert.DoesNotContain(talk.Harm, toClient, StringComparison.Ordinal);
    }
}

[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class EngineCollection
{
    public const string Name = "engine conformance";
}
