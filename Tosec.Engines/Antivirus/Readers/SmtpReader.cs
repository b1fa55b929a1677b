using System.Globalization;
using System.Text;
using Tosec.Engines.Antivirus.Objects;

namespace Tosec.Engines.Antivirus.Readers;

/// <summary>
/// The mails that a client hands over by SMTP (RFC 5321 DATA, RFC 3030 BDAT). Follows the server's replies, because only they tell
/// whether what comes is a mail or commands. Anything that is read differently by different servers is a violation.
/// </summary>
internal sealed class SmtpReader(IObjectSink sink, AntivirusSettings settings) : IObjectReader
{
    private const int MaxLine = 16 * 1024;

    private readonly LineBuffer _commands = new(MaxLine);
    private readonly LineBuffer _replies = new(MaxLine);
    private ScanObject? _mail;
    private State _state;
    private DataState _data;
    private long _chunkLeft;
    private bool _chunkIsLast;

    // Replies that the server owes; the greeting is the first.
    private int _owed = 1;

    // Of those, the ones up to the reply that is waited for.
    private int _awaited;
    private bool _stopped;

    private enum State : byte
    {
        Command,
        AwaitData,
        AwaitTls,
        Data,
        Chunk,
    }

    // What the bytes of a mail were last (RFC 5321 section 4.5.2).
    private enum DataState : byte
    {
        LineStart,
        Text,
        Cr,
        Dot,
        DotCr,
    }

    public void Feed(Sender sender, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty && !_stopped)
        {
            if (sender == Sender.Server)
                FeedReply(ref bytes);
            else
                FeedClient(ref bytes);
        }
    }

    public void End(Sender sender)
    {
        if (sender == Sender.Client) Finish();
    }

    // A line is let go when it is complete: what it begins is known then.
    public bool Holds(Sender sender) => !_stopped && sender == Sender.Client && !_commands.IsEmpty;

    public byte[] Answer(Sender sender, string reference) =>
        sender == Sender.Client ? Encoding.ASCII.GetBytes($"554 5.7.1 Message refused, reference {reference}\r\n") : [];

    public void Dispose()
    {
    }

    private void FeedClient(ref ReadOnlySpan<byte> bytes)
    {
        switch (_state)
        {
            case State.Command:
                var line = _commands.Take(ref bytes);
                if (_commands.IsBroken)
                    Violation(Sender.Client, "command line too long, or not ended by CRLF");
                else if (line is not null)
                    OnCommand(line);
                break;
            case State.Data:
                FeedData(ref bytes);
                break;
            case State.Chunk:
                FeedChunk(ref bytes);
                break;
            default:
                Violation(Sender.Client, "more from the client before the server's reply");
                break;
        }
    }

    private void OnCommand(string line)
    {
        _owed++;
        var space = line.IndexOf(' ');
        var verb = (space < 0 ? line : line[..space]).ToUpperInvariant();
        switch (verb)
        {
            case "DATA":
                Await(State.AwaitData);
                break;
            case "BDAT":
                OnChunk(line[verb.Length..]);
                break;
            case "STARTTLS" when settings.Opaque == AntivirusChoice.Block:
                Violation(Sender.Client, "STARTTLS");
                break;
            case "STARTTLS":
                Await(State.AwaitTls);
                break;
        }
    }

    private void OnChunk(string argument)
    {
        var words = argument.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length is 0 or > 2 || !uint.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            || (words.Length == 2 && !words[1].Equals("LAST", StringComparison.OrdinalIgnoreCase)))
        {
            Violation(Sender.Client, "malformed BDAT");
            return;
        }

        _mail ??= sink.Begin(Sender.Client, ObjectKind.Mail, "mail");
        _chunkLeft = length;
        _chunkIsLast = words.Length == 2;
        _state = State.Chunk;
        if (_chunkLeft == 0) EndChunk();
    }

    private void FeedChunk(ref ReadOnlySpan<byte> bytes)
    {
        var part = bytes[..(int)Math.Min(_chunkLeft, bytes.Length)];
        bytes = bytes[part.Length..];
        sink.Append(Sender.Client, _mail!, part);
        _chunkLeft -= part.Length;
        if (_chunkLeft == 0) EndChunk();
    }

    private void EndChunk()
    {
        _state = State.Command;
        if (_chunkIsLast) Finish();
    }

    private void FeedData(ref ReadOnlySpan<byte> bytes)
    {
        var start = 0;
        for (var i = 0; i < bytes.Length; i++)
        {
            var b = bytes[i];
            switch (_data)
            {
                case DataState.LineStart when b == '.':
                    // Not of the mail: either the last line, or the first of two dots.
                    sink.Append(Sender.Client, _mail!, bytes[start..i]);
                    start = i + 1;
                    _data = DataState.Dot;
                    break;
                case DataState.Dot when b == '\r':
                    _data = DataState.DotCr;
                    break;
                case DataState.DotCr when b == '\n':
                    bytes = bytes[(i + 1)..];
                    _owed++;
                    _state = State.Command;
                    Finish();
                    return;
                case DataState.Cr when b == '\n':
                    _data = DataState.LineStart;
                    break;
                case DataState.Cr or DataState.DotCr:
                case not DataState.Cr when b == '\n':
                    Violation(Sender.Client, "line in a mail that does not end in CRLF");
                    return;
                default:
                    _data = b == '\r' ? DataState.Cr : DataState.Text;
                    break;
            }
        }

        sink.Append(Sender.Client, _mail!, bytes[start..]);
        bytes = default;
    }

    private void FeedReply(ref ReadOnlySpan<byte> bytes)
    {
        var line = _replies.Take(ref bytes);
        if (_replies.IsBroken)
        {
            Violation(Sender.Server, "reply line too long, or not ended by CRLF");
            return;
        }

        if (line is null || (line.Length > 3 && line[3] == '-')) return;
        if (_owed > 0) _owed--;
        var isAwaited = _state is State.AwaitData or State.AwaitTls && --_awaited == 0;
        var isGoAhead = line.StartsWith("354", StringComparison.Ordinal);
        if (isGoAhead && !(isAwaited && _state == State.AwaitData))
        {
            // The server takes what follows for a mail, and we do not.
            Violation(Sender.Server, "354 that answers no DATA");
        }
        else if (isAwaited && _state == State.AwaitTls && line.StartsWith("220", StringComparison.Ordinal))
        {
            _stopped = true;
            sink.Opaque("STARTTLS");
        }
        else if (isAwaited)
        {
            _state = isGoAhead ? State.Data : State.Command;
            _data = DataState.LineStart;
            if (isGoAhead) _mail = sink.Begin(Sender.Client, ObjectKind.Mail, "mail");
        }
    }

    private void Await(State state)
    {
        _state = state;
        _awaited = _owed;
    }

    private void Finish()
    {
        if (_mail is not { } mail) return;
        _mail = null;
        sink.Complete(Sender.Client, mail);
    }

    private void Violation(Sender sender, string reason)
    {
        _stopped = true;
        sink.Violation(sender, "SMTP: " + reason);
    }
}
