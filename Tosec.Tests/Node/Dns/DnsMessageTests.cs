using Tosec.Node.Dns;

namespace Tosec.Tests.Node.Dns;

public sealed class DnsMessageTests
{
    // Id 0x1234, recursion desired, one question: a.example, A, IN.
    private static readonly byte[] _query = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, (byte)'a', 7, .. "example"u8, 0, 0, 1, 0, 1];

    [Fact]
    public void A_query_ends_where_its_question_ends()
    {
        Assert.True(DnsMessage.IsQuery(_query, out var end));
        Assert.Equal(_query.Length, end);
        Assert.True(DnsMessage.IsQuery([.. _query, 1, 2, 3], out end));
        Assert.Equal(_query.Length, end);
    }

    [Fact]
    public void What_is_cut_off_anywhere_or_is_an_answer_or_asks_twice_is_no_query()
    {
        for (var length = 0; length < _query.Length; length++)
            Assert.False(DnsMessage.IsQuery(_query.AsSpan(0, length), out _));
        Assert.False(DnsMessage.IsQuery(Changed(2, 0x81), out _));
        Assert.False(DnsMessage.IsQuery(Changed(5, 2), out _));
        Assert.False(DnsMessage.IsQuery(Changed(12, 0xc0), out _));
        Assert.False(DnsMessage.IsQuery(Changed(14, 63), out _));
    }

    [Fact]
    public void Whatever_comes_is_read_within_its_bounds()
    {
        var random = new Random(7);
        for (var i = 0; i < 20_000; i++)
        {
            var message = new byte[random.Next(80)];
            random.NextBytes(message);
            if (message.Length > 5 && i % 2 == 0)
                (message[2], message[4], message[5]) = (0, 0, 1);
            if (!DnsMessage.IsQuery(message, out var end))
                continue;
            Assert.InRange(DnsMessage.AnswerLimit(message, end), 512, ushort.MaxValue);
            Assert.Equal(end, DnsMessage.Failure(message, end).Length);
        }
    }

    [Fact]
    public void The_asker_says_how_much_it_takes_by_UDP_and_512_bytes_are_everybodys()
    {
        Assert.Equal(512, DnsMessage.AnswerLimit(_query, _query.Length));
        byte[] opt = [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0];
        Assert.Equal(1232, DnsMessage.AnswerLimit([.. Changed(11, 1), .. opt], _query.Length));
        opt[3] = 0;
        Assert.Equal(512, DnsMessage.AnswerLimit([.. Changed(11, 1), .. opt], _query.Length));
        Assert.Equal(512, DnsMessage.AnswerLimit([.. Changed(11, 1), .. opt[..10]], _query.Length));
    }

    [Fact]
    public void A_cut_answer_and_a_failure_are_header_and_question()
    {
        byte[] answer = [.. _query, 1, 2, 3, 4];
        (answer[2], answer[3], answer[7]) = (0x81, 0x80, 1);
        Assert.True(DnsMessage.Answers(answer, _query));
        var cut = DnsMessage.CutOff(_query, _query.Length, answer);
        Assert.Equal([0x12, 0x34, 0x83, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, .. _query[12..]], cut);
        var failure = DnsMessage.Failure(_query, _query.Length);
        Assert.Equal([0x12, 0x34, 0x81, 2, 0, 1, 0, 0, 0, 0, 0, 0, .. _query[12..]], failure);
    }

    [Fact]
    public void Another_id_or_another_query_is_no_answer()
    {
        var answer = Changed(2, 0x81);
        Assert.True(DnsMessage.Answers(answer, _query));
        answer[1]++;
        Assert.False(DnsMessage.Answers(answer, _query));
        Assert.False(DnsMessage.Answers(_query, _query));
        Assert.False(DnsMessage.Answers(_query.AsSpan(0, 11), _query));
    }

    private static byte[] Changed(int index, byte value)
    {
        var message = _query.ToArray();
        message[index] = value;
        return message;
    }
}
