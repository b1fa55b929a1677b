using Tosec.Engines.Hyperscan;
using Tosec.Engines.Ips.Buffers;
using Tosec.Engines.Ips.Compile;
using Tosec.Engines.Ips.Match;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips;

/// <summary>
/// The bytes of one direction as they are, and the rules that look at them. Some are asked of the stream (as far back as it is
/// kept), some of one message; each is answered once a message. One thread.
/// </summary>
internal sealed class RawStream : IAsked, ILiteralSink, IDisposable
{
    private readonly RuleSet _rules;
    private readonly Sides _side;
    private readonly int _half;
    private readonly PatternDatabase? _database;
    private readonly ulong[]? _always;
    private HyperscanStream? _scan;

    // Rules whose fast pattern ends in the window's first half, in its second half, in the message.
    private RuleBits _older;
    private RuleBits _newer;
    private RuleBits _inMessage;
    private RuleBits _answered;
    private RuleBits _answeredEver;

    private ReadOnlyRange _view;
    private bool _asksMessagesOnly;
    private bool _complete;
    private bool _streamComplete;

    // Where the second half of the window begins.
    private long _middle;

    // The stream's position according to the prefilter: it begins when it is first needed.
    private long _scanStart;

    public RawStream(RuleSet rules, Sides side, int size)
    {
        _rules = rules;
        _side = side;
        _half = size / 2;
        _middle = _half;
        _database = rules.DatabaseOf(0, side);
        _always = rules.AlwaysOf(AppProtocol.Unknown, side);
        Window = new StreamWindow(size);
    }

    public StreamWindow Window { get; }

    /// <summary>Does any rule look at these bytes?</summary>
    public bool Wanted => _rules.Needs(BufferKind.Payload, _side);

    /// <summary>Bytes have come of which no rule has been asked yet.</summary>
    public bool Pending { get; private set; }

    /// <param name="bytes">At most the window's room.</param>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        var before = Window.End;
        Window.Append(bytes);
        if (_database is not null)
        {
            if (_scan is null)
            {
                _scan = new HyperscanStream(_database.Database);
                _scanStart = before;
            }

            RuleEvaluator.Current.Scanner.Scan(_scan, bytes, this);
        }

        Pending = HasCandidates;
    }

    public void BeginMessage()
    {
        Window.BeginMessage();
        _inMessage.Clear();
        _answered.Clear();
    }

    /// <summary>Asks what is worth asking.</summary>
    /// <param name="judge">Whom the answers go to.</param>
    /// <param name="messageEnds">No byte will be added to the message.</param>
    /// <param name="streamEnds">Nor to the stream.</param>
    public void Ask(RuleJudge judge, bool messageEnds, bool streamEnds = false)
    {
        Pending = false;
        if (!HasCandidates || Window.End == Window.Message) return;
        _complete = messageEnds;
        _streamComplete = streamEnds;
        var words = _rules.Words;
        Span<ulong> candidates = words <= 512 ? stackalloc ulong[words] : new ulong[words];
        for (var i = 0; i < words; i++)
        {
            candidates[i] = _inMessage.Word(i) | (_always is null ? 0 : _always[i]);
            if (!_asksMessagesOnly) candidates[i] |= _older.Word(i) | _newer.Word(i);
        }

        judge.Ask(candidates, this, _side);
    }

    /// <summary>Makes room in a full window, when its rules have been asked.</summary>
    public void Slide(RuleJudge judge)
    {
        // A message that loses its beginning is asked for the last time, as if it ended here.
        if (!Window.MessageIsCut && Window.Message < Window.Start + _half)
        {
            _asksMessagesOnly = true;
            Ask(judge, messageEnds: true);
            _asksMessagesOnly = false;
        }

        Window.Slide();
        _middle = Window.Start + _half;
        _older.Take(ref _newer);
    }

    bool IAsked.Shows(CompiledRule rule)
    {
        if (!rule.OfPayload || _answered.Has(rule.Index)) return false;
        if (rule.PerMessage)
        {
            if (Window.MessageIsCut) return false;
            _view = new ReadOnlyRange(Window.Message, _complete);
            return true;
        }

        // What was answered for an earlier message is asked again of what came behind that.
        _view = new ReadOnlyRange(_answeredEver.Has(rule.Index) ? Window.Message : Window.Start, _streamComplete);
        return !_asksMessagesOnly;
    }

    void IAsked.Answered(CompiledRule rule)
    {
        _answered.Add(rule.Index, _rules.Words);
        if (!rule.PerMessage) _answeredEver.Add(rule.Index, _rules.Words);
    }

    int IBuffers.Count(int slot) => 1;

    ReadOnlySpan<byte> IBuffers.Get(int slot, int instance, out bool complete)
    {
        complete = _view.Complete;
        return Window.From(_view.Start);
    }

    void ILiteralSink.Found(int literal, long end)
    {
        var position = _scanStart + end;
        foreach (var rule in _database!.RulesOf(literal))
        {
            if (_rules.Rules[rule].PerMessage)
                _inMessage.Add(rule, _rules.Words);
            else if (position > _middle)
                _newer.Add(rule, _rules.Words);
            else
                _older.Add(rule, _rules.Words);
        }
    }

    public void Dispose()
    {
        Window.Dispose();
        _scan?.Dispose();
        _older.Dispose();
        _newer.Dispose();
        _inMessage.Dispose();
        _answered.Dispose();
        _answeredEver.Dispose();
    }

    private bool HasCandidates =>
        _always is not null || !_older.IsEmpty || !_newer.IsEmpty || !_inMessage.IsEmpty;

    private readonly record struct ReadOnlyRange(long Start, bool Complete);
}
