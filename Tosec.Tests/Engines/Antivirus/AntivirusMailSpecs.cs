using System.Text;
using Tosec.Actors.Inspection;

namespace Tosec.Tests.Engines.Antivirus;

public sealed class AntivirusMailSpecs(AntivirusFixture fixture) : IClassFixture<AntivirusFixture>
{
    private const string Greeting = "220 mail.example ESMTP\r\n";
    private const string Envelope = "EHLO a\r\nMAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n";
    private const string GoAhead = "250-mail.example\r\n250 PIPELINING\r\n250 ok\r\n250 ok\r\n354 go ahead\r\n";

    [Fact]
    public void An_attachment_in_a_mail_is_found_wherever_it_is_split()
    {
        var mail = Stuffed(Eicar.Mail(Eicar.Zip(Eicar.Text))) + ".\r\n";
        for (var cut = 0; cut <= mail.Length; cut++)
        {
            using var conversation = Smtp();
            conversation.Client(mail[..cut]);
            conversation.Client(mail[cut..]);
            Assert.True(conversation.Blocked, $"cut at {cut}");
            Assert.Contains("Tosec.Eicar", conversation.Threat.Signature, StringComparison.Ordinal);
            Assert.StartsWith("554 ", Encoding.ASCII.GetString(conversation.Threat.Answer.Span), StringComparison.Ordinal);
            Assert.Equal(Envelope, conversation.ReleasedToServer);
        }
    }

    [Fact]
    public void Malware_in_chunks_is_found()
    {
        var mail = Eicar.Mail(Eicar.Text);
        using var conversation = new Conversation(fixture.System, StreamDirection.Outgoing);
        conversation.Server(Greeting);
        conversation.Client("EHLO a\r\n");
        conversation.Server("250 CHUNKING\r\n");
        Assert.Equal(VerdictKind.Hold, conversation.Client($"BDAT 100\r\n{mail[..100]}"));
        Assert.Equal(VerdictKind.Block, conversation.Client($"BDAT {mail.Length - 100} LAST\r\n{mail[100..]}"));
    }

    [Fact]
    public void A_clean_mail_passes_and_what_follows_is_read_on()
    {
        var mail = Stuffed(Eicar.Mail("nothing")) + ".\r\n";
        using var conversation = Smtp();
        Assert.Equal(VerdictKind.Pass, conversation.Client(mail));
        conversation.Server("250 queued\r\n");
        Assert.Equal(VerdictKind.Pass, conversation.Client("MAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n"));
        conversation.Server("250 ok\r\n250 ok\r\n354 go ahead\r\n");
        Assert.Equal(VerdictKind.Block, conversation.Client(Stuffed(Eicar.Mail(Eicar.Text)) + ".\r\n"));
    }

    [Fact]
    public void What_a_server_refuses_is_not_taken_for_a_mail()
    {
        using var conversation = new Conversation(fixture.System, StreamDirection.Outgoing);
        conversation.Server(Greeting);
        conversation.Client("EHLO a\r\nDATA\r\n");
        conversation.Server("250 ok\r\n503 no recipients\r\n");
        // For a reader that took this for the mail, the real one would be text in it.
        conversation.Client("MAIL FROM:<a@a>\r\nRCPT TO:<b@b>\r\nDATA\r\n");
        conversation.Server("250 ok\r\n250 ok\r\n354 go ahead\r\n");
        Assert.Equal(VerdictKind.Block, conversation.Client(Stuffed(Eicar.Mail(Eicar.Text)) + ".\r\n"));
        Assert.Equal("malware", conversation.Threat.Category);
    }

    [Theory]
    [InlineData("Subject: x\r\n\r\ntext\n.\r\nMAIL FROM:<a@a>\r\n", "CRLF")]
    [InlineData("Subject: x\r\n\r\ntext\r.\r\n", "CRLF")]
    public void Lines_that_servers_end_differently_are_blocked(string mail, string reason)
    {
        using var conversation = Smtp();
        Assert.Equal(VerdictKind.Block, conversation.Client(mail));
        Assert.Contains(reason, conversation.Threat.Signature, StringComparison.Ordinal);
    }

    [Fact]
    public void A_go_ahead_that_answers_no_DATA_is_blocked()
    {
        using var conversation = new Conversation(fixture.System, StreamDirection.Outgoing);
        conversation.Server(Greeting);
        conversation.Client("NOOP\r\n");
        Assert.Equal(VerdictKind.Block, conversation.Server("354 go ahead\r\n"));
    }

    [Theory]
    [InlineData("EHLO a\r\nSTARTTLS\r\n")]
    [InlineData("EHLO a\r\nDATA\r\nMAIL FROM:<a@a>\r\n")]
    [InlineData("BDAT x\r\n")]
    [InlineData("NOOP\n")]
    public void Commands_behind_which_nothing_can_be_read_are_blocked(string commands)
    {
        using var conversation = new Conversation(fixture.System, StreamDirection.Outgoing);
        conversation.Server(Greeting);
        Assert.Equal(VerdictKind.Block, conversation.Client(commands));
    }

    [Fact]
    public void A_fetched_mail_is_scanned_wherever_it_is_split()
    {
        var mail = Eicar.Mail(Eicar.Zip(Eicar.Text));
        var response = $"* 1 FETCH (UID 7 BODY[] {{{mail.Length}}}\r\n{mail})\r\na2 OK done\r\n";
        for (var cut = 0; cut <= response.Length; cut += 3)
        {
            using var conversation = Imap();
            conversation.Client("a2 FETCH 1 (BODY.PEEK[])\r\n");
            conversation.Server(response[..cut]);
            conversation.Server(response[cut..]);
            Assert.True(conversation.Blocked, $"cut at {cut}");
        }
    }

    [Theory]
    [InlineData("base64 literal")]
    [InlineData("quoted")]
    [InlineData("plain literal")]
    public void A_fetched_part_of_a_mail_is_decoded_and_scanned(string form)
    {
        var part = Eicar.Base64(form == "quoted" ? Eicar.Text[..^1] + Eicar.Text[^1] : Eicar.Zip(Eicar.Text)).Replace("\r\n", form == "quoted" ? "" : "\r\n", StringComparison.Ordinal);
        if (form == "plain literal") part = Eicar.Text;
        using var conversation = Imap();
        conversation.Client("a2 FETCH 1 (BODY.PEEK[2])\r\n");
        Assert.Equal(VerdictKind.Block, conversation.Server(form == "quoted"
            ? $"* 1 FETCH (BODY[2] \"{part}\")\r\n"
            : $"* 1 FETCH (BODY[2] {{{part.Length}}}\r\n{part})\r\n"));
    }

    [Fact]
    public void An_appended_mail_is_scanned_once_the_server_has_agreed_to_it()
    {
        var mail = Eicar.Mail(Eicar.Text);
        using var conversation = Imap();
        Assert.Equal(VerdictKind.Pass, conversation.Client($"a2 APPEND INBOX {{{mail.Length}}}\r\n"));
        conversation.Server("a2 NO quota\r\n");
        Assert.Equal(VerdictKind.Pass, conversation.Client($"a3 APPEND INBOX {{{mail.Length}}}\r\n"));
        conversation.Server("+ go on\r\n");
        Assert.Equal(VerdictKind.Block, conversation.Client($"{mail}\r\n"));
        Assert.StartsWith("* BYE", Encoding.ASCII.GetString(conversation.Threat.Answer.Span), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a2 STARTTLS\r\n", "")]
    [InlineData("a2 COMPRESS DEFLATE\r\n", "")]
    [InlineData("a2 APPEND INBOX {10}\r\nx", "")]
    [InlineData("a2 FETCH 1 BODY[]<0.10>\r\n", "* 1 FETCH (BODY[]<0> {10}\r\n0123456789)\r\n")]
    public void Imap_that_cannot_be_read_as_a_whole_is_blocked(string client, string server)
    {
        using var conversation = Imap();
        var verdict = conversation.Client(client);
        if (server.Length > 0) verdict = conversation.Server(server);
        Assert.Equal(VerdictKind.Block, verdict);
    }

    [Fact]
    public void A_stream_of_ftp_data_is_one_object_and_waits_for_its_end()
    {
        using var conversation = new Conversation(fixture.System, StreamDirection.Outgoing);
        Assert.Equal(VerdictKind.Hold, conversation.Client($"~{Eicar.Zip(Eicar.Text)[..60]}"));
        Assert.Equal(VerdictKind.Hold, conversation.Client(Eicar.Zip(Eicar.Text)[60..]));
        Assert.Equal(VerdictKind.Block, conversation.ClientEnds());
        using var clean = new Conversation(fixture.System, StreamDirection.Outgoing);
        Assert.Equal(VerdictKind.Hold, clean.Client("~some file"));
        Assert.Equal(VerdictKind.Pass, clean.ClientEnds());
        Assert.Equal("~some file", clean.ReleasedToServer);
    }

    // Not on the ports of HTTP: what it is, the first bytes tell.
    private Conversation Smtp()
    {
        var conversation = new Conversation(fixture.System, StreamDirection.Outgoing);
        Assert.Equal(VerdictKind.Pass, conversation.Server(Greeting));
        Assert.Equal(VerdictKind.Pass, conversation.Client(Envelope));
        Assert.Equal(VerdictKind.Pass, conversation.Server(GoAhead));
        return conversation;
    }

    private Conversation Imap()
    {
        var conversation = new Conversation(fixture.System, StreamDirection.Outgoing);
        Assert.Equal(VerdictKind.Pass, conversation.Server("* OK ready\r\n"));
        Assert.Equal(VerdictKind.Pass, conversation.Client("a1 LOGIN a b\r\n"));
        Assert.Equal(VerdictKind.Pass, conversation.Server("a1 OK\r\n"));
        return conversation;
    }

    private static string Stuffed(string mail) => mail.Replace("\r\n.", "\r\n..", StringComparison.Ordinal);
}
