using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines;

// However bytes are parted, whenever they stop.
public abstract partial class EngineConformance
{
    [Fact]
    public void Every_talk_cut_at_any_byte_has_the_same_verdict_and_threats()
    {
        foreach (var talk in Talks)
            foreach (var cut in talk.CutOnce()) Lead(talk, cut);
    }

    [Fact]
    public void Every_talk_given_byte_by_byte_has_the_same_verdict_and_threats()
    {
        foreach (var talk in Talks) Lead(talk, talk.ByteByByte());
    }

    [Fact]
    public void What_is_passed_is_complete_wherever_the_talk_breaks_off()
    {
        foreach (var talk in Talks)
        {
            foreach (var begin in talk.BrokenOff())
            {
                using var conversation = new Conversation(System);
                foreach (var said in begin)
                    if (!Give(conversation, said)) break;
                CheckReleased(talk, conversation);
            }
        }
    }

    [Fact]
    public void A_stream_may_end_at_any_byte_and_nothing_held_is_passed_half()
    {
        foreach (var talk in Talks)
        {
            foreach (var begin in talk.BrokenOff())
            {
                using var conversation = new Conversation(System);
                foreach (var said in begin)
                    if (!Give(conversation, said)) break;
                End(conversation);
                CheckReleased(talk, conversation);
            }
        }
    }

    [Fact]
    public void The_end_of_a_chains_patience_is_never_answered_with_hold()
    {
        foreach (var talk in Talks)
        {
            foreach (var begin in talk.BrokenOff())
            {
                using var conversation = new Conversation(System);
                foreach (var said in begin)
                    if (!Give(conversation, said)) break;
                Assert.NotEqual(VerdictKind.Hold, conversation.ClientHoldLimit());
                Assert.NotEqual(VerdictKind.Hold, conversation.ServerHoldLimit());
            }
        }
    }
}
