using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Tosec.Engines.Antivirus.Objects;

namespace Tosec.Engines.Antivirus.Readers;

/// <summary>
/// The mails and parts of mails that IMAP carries (RFC 9051): literals in both directions, and what a server sends as a quoted string
/// instead. A literal that its receiver has not yet agreed to is followed by the server's answer.
/// </summary>
internal sealed partial class ImapReader(IObjectSink sink, AntivirusSettings settings) : IObjectReader
{
    private const int MaxLine = 64 * 1024;

    private readonly Half[] _halves = [new(), new()];

    // The client has announced a literal, and the server has to say "+" before it comes.
    private long _announced = -1;
    private bool _stopped;

    public void Feed(Sender sender, ReadOnlySpan<byte> bytes)
    {
        var half = _halves[(int)sender];
        while (!bytes.IsEmpty && !_stopped)
        {
            if (half.LiteralLeft > 0)
            {
                FeedLiteral(sender, half, ref bytes);
                continue;
            }

            if (sender == Sender.Client && _announced >= 0)
            {
                Violation(sender, "more from the client before the server's answer");
                return;
            }

            var line = half.Lines.Take(ref bytes);
            if (half.Lines.IsBroken)
                Violation(sender, "line too long, or not ended by CRLF");
            else if (line is not null)
                OnLine(sender, half, line);
        }
    }

    public void End(Sender sender)
    {
        var half = _halves[(int)sender];
        if (half.Item is { } item) sink.Complete(sender, item);
        half.Item = null;
    }

    public bool Holds(Sender sender) => !_stopped && !_halves[(int)sender].Lines.IsEmpty;

    public byte[] Answer(Sender sender, string reference) =>
        sender == Sender.Client ? Encoding.ASCII.GetBytes($"* BYE refused, reference {reference}\r\n") : [];

    public void Dispose()
    {
    }

    private void FeedLiteral(Sender sender, Half half, ref ReadOnlySpan<byte> bytes)
    {
        var part = bytes[..(int)Math.Min(half.LiteralLeft, bytes.Length)];
        bytes = bytes[part.Length..];
        half.Item ??= sink.Begin(sender, ObjectKind.MailPart, "mail");
        sink.Append(sender, half.Item, part);
        half.LiteralLeft -= part.Length;
        if (half.LiteralLeft > 0) return;
        var item = half.Item;
        half.Item = null;
        sink.Complete(sender, item);
    }

    private void OnLine(Sender sender, Half half, string line)
    {
        if (sender == Sender.Server)
        {
            if (_announced >= 0) OnAnswer(line);
            if (QuotedContent().Match(line) is { Success: true } quoted) OnQuoted(quoted.Groups[1].Value);
        }
        else if (!half.IsContinued && IsOpaque(line))
        {
            if (settings.Opaque == AntivirusChoice.Block)
            {
                Violation(sender, "STARTTLS or COMPRESS");
                return;
            }

            // If the server refuses, little is lost by it: the settings let all of this pass.
            _stopped = true;
            sink.Opaque("STARTTLS or COMPRESS");
            return;
        }

        half.IsContinued = false;
        if (_stopped || Literal().Match(line) is not { Success: true } literal) return;
        half.IsContinued = true;
        if (!long.TryParse(literal.Groups["length"].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var length))
            Violation(sender, "literal of an impossible length");
        else if (literal.Groups["partial"].Success && settings.Partial == AntivirusChoice.Block)
            Violation(sender, "part of a mail (partial fetch)");
        else if (sender == Sender.Client && !literal.Groups["now"].Success)
            _announced = length;
        else
            half.LiteralLeft = length;
    }

    private void OnAnswer(string line)
    {
        if (line.StartsWith("* ", StringComparison.Ordinal)) return;
        // Anything but "+" is the end of the command: the literal is not sent.
        if (line.StartsWith('+'))
            _halves[(int)Sender.Client].LiteralLeft = _announced;
        else
            _halves[(int)Sender.Client].IsContinued = false;
        _announced = -1;
    }

    private void OnQuoted(string text)
    {
        var item = sink.Begin(Sender.Server, ObjectKind.MailPart, "mail");
        sink.Append(Sender.Server, item, Encoding.Latin1.GetBytes(Escape().Replace(text, "$1")));
        sink.Complete(Sender.Server, item);
    }

    private void Violation(Sender sender, string reason)
    {
        _stopped = true;
        sink.Violation(sender, "IMAP: " + reason);
    }

    private static bool IsOpaque(string line)
    {
        var words = line.Split(' ', 3);
        return words.Length > 1 && (words[1].Equals("STARTTLS", StringComparison.OrdinalIgnoreCase)
            || words[1].Equals("COMPRESS", StringComparison.OrdinalIgnoreCase));
    }

    [GeneratedRegex(@"(?<partial>\]<[0-9]+> ~?)?\{(?<length>[0-9]{1,18})(?<now>\+)?\}$", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Literal();

    [GeneratedRegex(@"(?:BODY\[[^\]]*\](?:<[0-9]+>)?|BINARY\[[^\]]*\](?:<[0-9]+>)?|RFC822(?:\.TEXT)?) ""(.*)""", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex QuotedContent();

    [GeneratedRegex(@"\\(.)", RegexOptions.CultureInvariant)]
    private static partial Regex Escape();

    private sealed class Half
    {
        public LineBuffer Lines { get; } = new(MaxLine);

        public long LiteralLeft { get; set; }

        public ScanObject? Item { get; set; }

        /// <summary>The line that comes is the rest of a command that a literal has interrupted.</summary>
        public bool IsContinued { get; set; }
    }
}
