using System.Buffers.Binary;
using System.Globalization;
using System.Text;

namespace Tosec.Engines.Auditor.MySql;

// The server's stream: never held, but for its greeting; read for what became of the command.
internal sealed partial class MyConversation
{
    private const int MaxKept = 1024;
    private const ushort MoreResults = 0x8;
    private const ushort CursorExists = 0x40;
    private const ushort NoBackslashEscapes = 0x200;

    private readonly byte[] _head = new byte[MyPackets.Head];
    private readonly byte[] _kept = new byte[MaxKept];
    private int _headCount;
    private int _keptCount;
    private int _length;
    private int _bodyRest;
    private bool _continues;
    private bool _noBackslashEscapes;
    private Answer _answer;

    // What is left of the present part of an answer.
    private long _definitions;
    private bool _rowsFollow;

    /// <summary>How an answer is built.</summary>
    private enum Answer : byte
    {
        /// <summary>OK or ERR.</summary>
        Simple,

        /// <summary>OK, ERR, a request for a file, or a number of columns.</summary>
        Result,

        /// <summary>Definitions of columns, then an EOF, then rows.</summary>
        Columns,
        Rows,
        Prepare,
        PrepareDefinitions,
        Fields,

        /// <summary>One packet of any content.</summary>
        Text,
    }

    private bool ServerAtBoundary => _headCount == 0;

    public string? Server(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_headCount < MyPackets.Head)
            {
                _head[_headCount++] = bytes[0];
                bytes = bytes[1..];
                if (_headCount < MyPackets.Head) continue;
                MyPackets.TryHead(_head, out _length, out _);
                _bodyRest = _length;
                _keptCount = 0;
            }

            var part = bytes[..Math.Min(bytes.Length, _bodyRest)];
            var kept = part[..Math.Min(part.Length, MaxKept - _keptCount)];
            kept.CopyTo(_kept.AsSpan(_keptCount));
            _keptCount += kept.Length;
            _bodyRest -= part.Length;
            bytes = bytes[part.Length..];
            if (_bodyRest > 0) continue;
            _headCount = 0;
            // The rest of a packet that was longer than one can be.
            var isRest = _continues;
            _continues = _length == MyPackets.MaxPayload;
            if (!isRest && Packet(_kept.AsSpan(0, _keptCount)) is { } reason) return reason;
        }

        return null;
    }

    private void Await(Answer answer)
    {
        _answer = answer;
        _rowsFollow = true;
        _phase = Phase.Answer;
    }

    private string? Packet(ReadOnlySpan<byte> body)
    {
        switch (_phase)
        {
            case Phase.Authentication:
                if (body.IsEmpty) return "an empty packet in a login";
                if (body[0] == 0) return Authenticated(body);
                if (IsError(body)) Failed(body);
                // Another method, or more data; but for "the short way was good enough", which an OK follows.
                _asked = body[0] == 0xfe || (body[0] == 1 && body is not [1, 3]);
                return null;
            case Phase.Answer:
                return body.IsEmpty ? "an empty packet in an answer" : OnAnswer(body);
            case Phase.Login or Phase.Idle when IsError(body):
                // It ends the connection by itself: a timeout, a shutdown.
                return null;
            default:
                return "an answer without a question";
        }
    }

    private string? Authenticated(ReadOnlySpan<byte> body)
    {
        _session.Completed(_batch, -1);
        Ok(body);
        EndAnswer();
        return null;
    }

    private string? OnAnswer(ReadOnlySpan<byte> body)
    {
        if (IsError(body) && _answer is not (Answer.Columns or Answer.PrepareDefinitions))
        {
            Failed(body);
            EndAnswer();
            return null;
        }

        switch (_answer)
        {
            case Answer.Simple:
                if (body[0] == 0 || IsEof(body)) Done(body, affectsRows: false);
                return null;
            case Answer.Text:
                _session.Completed(_batch, -1);
                EndAnswer();
                return null;
            case Answer.Result:
                return Result(body);
            case Answer.Columns:
                if (--_definitions == 0) _answer = Answer.Rows;
                _rowsFollow = false;
                return null;
            case Answer.Rows or Answer.Fields:
                Row(body);
                return null;
            case Answer.Prepare:
                return Prepared(body);
            default:
                // An EOF follows each kind of definitions; it was counted with them.
                if (--_definitions == 0) EndAnswer();
                return null;
        }
    }

    private string? Result(ReadOnlySpan<byte> body)
    {
        if (body[0] == 0)
        {
            Done(body, affectsRows: true);
            return null;
        }

        if (body[0] == 0xfb)
        {
            if ((_capabilities & ClientLocalFiles) == 0) return "a request for a file that the client did not offer";
            _phase = Phase.LocalFile;
            return null;
        }

        if (!MyPackets.TryTakeInteger(ref body, out var columns) || columns is 0 or > 65535) return "a malformed result";
        _definitions = (long)columns;
        _answer = Answer.Columns;
        return null;
    }

    private void Row(ReadOnlySpan<byte> body)
    {
        // A row may begin with the same byte, for a text of 16 MiB.
        if (IsEof(body) && body.Length < 9)
        {
            // A cursor's rows are fetched by commands of their own.
            if (_answer == Answer.Rows && !_rowsFollow && (Ok(body).Status & CursorExists) == 0)
                _rowsFollow = true;
            else
                Done(body, affectsRows: false);
            return;
        }

        if (_answer == Answer.Rows) _session.Row();
    }

    private string? Prepared(ReadOnlySpan<byte> body)
    {
        if (body[0] != 0 || body.Length < 12) return "a malformed answer to a prepare";
        var columns = BinaryPrimitives.ReadUInt16LittleEndian(body[5..]);
        var parameters = BinaryPrimitives.ReadUInt16LittleEndian(body[7..]);
        if (!_prepared.Answered(BinaryPrimitives.ReadUInt32LittleEndian(body[1..]), parameters)) return "more prepared statements than prepared-limit";
        _definitions = columns + parameters;
        _definitions += (columns > 0 ? 1 : 0) + (parameters > 0 ? 1 : 0);
        if (_definitions == 0) EndAnswer();
        else _answer = Answer.PrepareDefinitions;
        return null;
    }

    // OK, or the EOF that stands for it: with a word on what follows.
    private void Done(ReadOnlySpan<byte> body, bool affectsRows)
    {
        var (rows, status) = Ok(body);
        _session.Completed(_batch, affectsRows ? rows : -1);
        if ((status & MoreResults) != 0)
        {
            _answer = Answer.Result;
            return;
        }

        if (_nextDatabase is { } database) _session.Database = database;
        EndAnswer();
    }

    private (long Rows, ushort Status) Ok(ReadOnlySpan<byte> body)
    {
        ushort status = 0;
        long rows = -1;
        if (body[0] == 0xfe)
        {
            if (body.Length >= 5) status = BinaryPrimitives.ReadUInt16LittleEndian(body[3..]);
        }
        else
        {
            body = body[1..];
            if (MyPackets.TryTakeInteger(ref body, out var affected) && MyPackets.TryTakeInteger(ref body, out _) && body.Length >= 2)
                (rows, status) = ((long)affected, BinaryPrimitives.ReadUInt16LittleEndian(body));
        }

        _noBackslashEscapes = (status & NoBackslashEscapes) != 0;
        return (rows, status);
    }

    private void Failed(ReadOnlySpan<byte> body) => _session.Completed(_batch, -1,
        body.Length >= 3 ? BinaryPrimitives.ReadUInt16LittleEndian(body[1..]).ToString(CultureInfo.InvariantCulture) : "error");

    private void EndAnswer()
    {
        _session.BatchEnded(_batch++);
        _nextDatabase = null;
        _phase = Phase.Idle;
    }

    private static bool IsError(ReadOnlySpan<byte> body) => !body.IsEmpty && body[0] == 0xff;

    private static bool IsEof(ReadOnlySpan<byte> body) => !body.IsEmpty && body[0] == 0xfe;
}
