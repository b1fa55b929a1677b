using System.Text;
using Tosec.Actors.Inspection;
using Tosec.Tests.Actors.Workers;
using Tosec.Tests.Peer;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Actors.Svm;

/// <summary>
/// An engine takes bytes out of a stream, answers their sender, and the connection goes on: order, credit and buffers stay right.
/// The engine of these specs reads words that end in a semicolon: those with <c>bad</c> are cut and answered, <c>odd…</c> is replaced.
/// </summary>
[Collection(SiteCollection.Name)]
public sealed class EditSpecs
{
    private const int Rounds = 500;
    private readonly WordEngine _words = new();
    private readonly TestEngine _first = new("a");
    private readonly TestEngine _second = new("b");

    // Next to the guest, and next to the TOE.
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void What_is_cut_out_of_one_payload_does_not_arrive_and_is_answered(int svm)
    {
        using var site = Site(svm);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("one;bad;two;bad;thr");
        Assert.Equal("no;no;", socket.ReadText(6));
        socket.Send("ee;");
        Assert.Equal("one;two;three;", peer.ReadText(14));
        peer.SendText("un;bad;deux;");
        Assert.Equal("un;deux;", socket.ReadText(8));
        Assert.Equal("no;", peer.ReadText(3));
        Assert.All(site.Threats.Reports, r => Assert.True(r.Blocked));
        Assert.Equal(3, site.Threats.Reports.Count);
        peer.Dispose();
    }

    [Fact]
    public void What_is_replaced_goes_on_in_its_place()
    {
        using var site = Site(0);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        socket.Send("a;odd");
        socket.Send("est;b;");
        Assert.Equal("a;even;b;", peer.ReadText(9));
        peer.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Credit_of_what_is_cut_comes_back_to_a_guest_that_sends(int svm)
    {
        using var site = Site(svm);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var word = "bad" + new string('x', 5000) + ";";
        for (var n = 0; n < Rounds; n++)
        {
            Assert.True(socket.Send(word));
            Assert.Equal("no;", socket.ReadText(3));
        }

        socket.Send("good;");
        Assert.Equal("good;", peer.ReadText(5));
        peer.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Credit_of_what_is_cut_comes_back_to_a_peer_that_sends(int svm)
    {
        using var site = Site(svm);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var word = "bad" + new string('x', 5000) + ";";
        for (var n = 0; n < Rounds; n++)
        {
            peer.SendText(word);
            Assert.Equal("no;", peer.ReadText(3));
        }

        peer.SendText("good;");
        Assert.Equal("good;", socket.ReadText(5));
        peer.Dispose();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void A_sender_that_does_not_read_its_answers_gets_all_of_them_later_in_order(int svm)
    {
        using var site = Site(svm);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        var answers = new StringBuilder();
        // Until it has no credit left: what waits for its answer is not released.
        while (socket.TrySend("bad;"u8))
            answers.Append("no;");
        Assert.InRange(answers.Length, 3 * GuestGeometry.RingEntries, int.MaxValue);
        Assert.Equal(answers.ToString(), socket.ReadText(answers.Length));
        // The ring was never overrun: what the peer sends arrives behind it.
        var pattern = Encoding.ASCII.GetString([.. OutsidePeer.Pattern(200_000, 1).Select(b => (byte)('a' + b % 20))]) + ";";
        var sending = Task.Run(() => peer.SendText(pattern));
        Assert.Equal(pattern, socket.ReadText(pattern.Length));
        WorkerHarness.Until(() => sending.IsCompleted);
        peer.Dispose();
    }

    [Fact]
    public void A_connection_that_ends_while_an_answer_waits_leaves_nothing()
    {
        using var site = Site(0);
        var (socket, peer) = OutsidePeer.Connect(site.Guest);
        for (var n = 0; n < 200; n++)
            socket.Send("bad;");
        peer.Dispose();
        socket.Close();
        site.AwaitClean("alice");
    }

    private TestSite Site(int svm)
    {
        var engine = svm == 0 ? _first : _second;
        engine.OnInspect = _words.Inspect;
        return new TestSite(new TestSiteOptions { Engines = [_first, _second] });
    }

    private sealed class WordEngine
    {
        private readonly Dictionary<(TestInspector, StreamDirection), List<byte>> _undecided = [];

        public Verdict Inspect(TestInspector inspector, StreamDirection direction, ReadOnlySpan<byte> payload)
        {
            if (!_undecided.TryGetValue((inspector, direction), out var bytes))
                _undecided[(inspector, direction)] = bytes = [];
            bytes.AddRange(payload);
            var count = bytes.IndexOf((byte)';') + 1;
            if (count == 0)
                return bytes.Count == 0 ? Verdict.Pass : Verdict.Hold;
            var word = Encoding.ASCII.GetString([.. bytes[..count]]);
            bytes.RemoveRange(0, count);
            if (word.StartsWith("bad", StringComparison.Ordinal))
                return Verdict.Cut(count, new StreamEdit(TestEngine.Threat(), default, "no;"u8.ToArray()));
            return word.StartsWith("odd", StringComparison.Ordinal)
                ? Verdict.Cut(count, new StreamEdit(null, "even;"u8.ToArray(), default))
                : Verdict.Release(count);
        }
    }
}
