using System.Security.Cryptography;
using Tosec.Actors.Inspection;
using Tosec.Engines.Antivirus.Clamd;
using Tosec.Engines.Antivirus.Objects;
using Tosec.Engines.Antivirus.Readers;

namespace Tosec.Engines.Antivirus;

/// <summary>
/// Judges one connection: a reader finds the objects in its streams, scanning threads ask clamd about them, and what has come of a
/// stream is held from an object's first byte to its verdict.
/// </summary>
internal sealed class AntivirusInspector : IDeferringInspector, IObjectSink
{
    private readonly AntivirusSystem _system;
    private readonly AntivirusSettings _settings;
    private readonly StreamFacts _facts;
    private readonly ObjectTrack[] _tracks;
    private readonly byte[] _first = new byte[ProtocolDetector.Enough];
    private int _firstLength;
    private Sender _firstSender;
    private IObjectReader? _reader;
    private IInspectionWaker? _waker;
    private bool _opaque;
    private bool _disposed;

    // Set by the first verdict that ends the connection; every later call repeats it.
    private Threat? _blocked;

    public AntivirusInspector(AntivirusSystem system, in StreamFacts facts)
    {
        _system = system;
        _settings = system.Settings;
        _facts = facts;
        _tracks = [new(facts.Initiator), new(1 - facts.Initiator)];
        var protocol = _settings.Ports.GetValueOrDefault(facts.Server.Port, AntivirusProtocol.Detect);
        if (protocol != AntivirusProtocol.Detect) _reader = system.MakeReader(protocol, this);
    }

    public void Attach(IInspectionWaker waker) => _waker = waker;

    public Verdict Inspect(StreamDirection direction, ReadOnlySpan<byte> payload)
    {
        var sender = SenderOf(direction);
        if (_blocked is null && !_opaque && !payload.IsEmpty)
        {
            if (_reader is not null)
                _reader.Feed(sender, payload);
            else
                Detect(sender, payload);
        }

        return Judge(sender, mayHold: true);
    }

    public Verdict End(StreamDirection direction)
    {
        var sender = SenderOf(direction);
        if (_reader is null && _firstLength > 0 && sender == _firstSender) Settle(AntivirusProtocol.Raw, []);
        if (_blocked is null && !_opaque) _reader?.End(sender);
        // What of the stream is in no object ends with it.
        return Judge(sender, mayHold: true, atEnd: true);
    }

    public Verdict Resume(StreamDirection direction) => Judge(SenderOf(direction), mayHold: true);

    /// <summary>A verdict is under way that the stream is held for.</summary>
    internal bool IsWaiting(StreamDirection direction) => _tracks[(int)SenderOf(direction)].Waiting.Count > 0;

    public Verdict HoldLimit(StreamDirection direction)
    {
        var sender = SenderOf(direction);
        var track = _tracks[(int)sender];
        if (_blocked is null && !_opaque)
        {
            if (track.Open is { } open)
            {
                open.Abandon();
                track.Open = null;
                OverLimit(sender, track, "the object is larger or slower than the chain holds", open);
            }
            else if (_reader is null ? _firstLength > 0 : _reader.Holds(sender))
            {
                track.Failure ??= "the stream cannot be read in time";
            }

            if (track.Waiting.Count > 0) track.Failure ??= "no verdict of clamd in time";
            track.LetGo();
        }

        return Judge(sender, mayHold: false);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        foreach (var track in _tracks) track.Abandon();
        _reader?.Dispose();
    }

    ScanObject IObjectSink.Begin(Sender sender, ObjectKind kind, string name, string contentType, HttpFacts? http)
    {
        var item = new ScanObject(_system.Memory, _settings.ObjectLimit, kind, name, contentType, http);
        _tracks[(int)sender].Open = item;
        return item;
    }

    void IObjectSink.Append(Sender sender, ScanObject item, ReadOnlySpan<byte> bytes)
    {
        var track = _tracks[(int)sender];
        switch (item.Append(bytes))
        {
            case CollectStatus.TooLarge:
                track.Open = null;
                OverLimit(sender, track, $"the object has more than {_settings.ObjectLimit} bytes", item);
                break;
            case CollectStatus.NoMemory:
                track.Open = null;
                track.Failure ??= "the memory for objects is used up";
                break;
        }
    }

    void IObjectSink.Complete(Sender sender, ScanObject item)
    {
        var track = _tracks[(int)sender];
        if (ReferenceEquals(track.Open, item)) track.Open = null;
        if (item.IsAbandoned || item.Length == 0) return;
        item.Waker = _waker;
        if (_waker is not null && _system.Queue.TryAdd(item))
        {
            track.Waiting.Enqueue(item);
            return;
        }

        item.Reclaim();
        track.Failure ??= "too many objects wait to be scanned";
    }

    void IObjectSink.Violation(Sender sender, string reason, HttpFacts? http) => Block(sender, AntivirusThreats.Protocol(reason, http));

    void IObjectSink.Opaque(string reason)
    {
        _opaque = true;
        _tracks[(int)Sender.Server].Alert ??= AntivirusThreats.Limit(reason, null);
    }

    private Verdict Judge(Sender sender, bool mayHold, bool atEnd = false)
    {
        var track = _tracks[(int)sender];
        for (var i = track.Late.Count - 1; i >= 0; i--)
        {
            if (track.Late[i] is not { Verdict: { } late } item) continue;
            track.Late.RemoveAt(i);
            // It has been decided without this verdict, unless it is the one that nothing outweighs.
            if (late.Reply.Status == ClamdStatus.Infected) Apply(sender, track, item, late);
        }

        while (track.Waiting.TryPeek(out var item) && item.Verdict is { } verdict)
        {
            track.Waiting.Dequeue();
            Apply(sender, track, item, verdict);
        }

        if (_blocked is { } threat) return Verdict.Block(threat);
        if (mayHold && IsHeld(sender, track, atEnd)) return Verdict.Hold;
        if (track.Failure is { } failure)
        {
            track.Failure = null;
            return Verdict.Undecided(failure);
        }

        if (track.Alert is not { } alert) return Verdict.Pass;
        track.Alert = null;
        return Verdict.Alert(alert);
    }

    private bool IsHeld(Sender sender, ObjectTrack track, bool atEnd)
    {
        if (track.Waiting.Count > 0) return true;
        if (atEnd || _opaque) return false;
        if (_reader is null) return _firstLength > 0;
        return (track.Open is not null && !_reader.IsBeforeObject(sender)) || _reader.Holds(sender);
    }

    private void Apply(Sender sender, ObjectTrack track, ScanObject item, ScanVerdict verdict)
    {
        var (status, text) = verdict.Reply;
        _system.Observe(new FileObservation(item.Name, verdict.Length, IsComplete: true, verdict.Sha256, status.ToString().ToLowerInvariant(), item.Http)
        {
            Stream = _facts,
            Direction = track.Direction,
        });
        switch (status)
        {
            case ClamdStatus.Infected:
                Block(sender, AntivirusThreats.Malware(text, verdict.Part, item.Name, item.Http));
                break;
            case ClamdStatus.Limited:
                OverLimit(sender, track, text, item);
                break;
            case ClamdStatus.Failed:
                track.Failure ??= text;
                break;
        }
    }

    private void OverLimit(Sender sender, ObjectTrack track, string reason, ScanObject item)
    {
        var threat = AntivirusThreats.Limit(reason, item.Http);
        if (_settings.OnObjectLimit == AntivirusChoice.Block)
            Block(sender, threat);
        else
            track.Alert ??= threat;
    }

    private void Block(Sender sender, Threat threat)
    {
        if (_blocked is not null) return;
        var reference = RandomNumberGenerator.GetHexString(20, lowercase: true);
        var answer = _reader?.Answer(sender, reference) ?? [];
        _blocked = answer.Length > 0 ? threat with { Reference = reference, Answer = answer } : threat;
    }

    // The side that speaks first tells the protocol; the other one waits for as long.
    private void Detect(Sender sender, ReadOnlySpan<byte> payload)
    {
        if (_firstLength == 0) _firstSender = sender;
        if (sender != _firstSender)
        {
            // Both speak at once, before either has said enough: a protocol of nobody's.
            Settle(AntivirusProtocol.Raw, []);
            _reader!.Feed(sender, payload);
            return;
        }

        var taken = Math.Min(payload.Length, _first.Length - _firstLength);
        payload[..taken].CopyTo(_first.AsSpan(_firstLength));
        _firstLength += taken;
        if (ProtocolDetector.Detect(sender, _first.AsSpan(0, _firstLength)) is { } protocol) Settle(protocol, payload[taken..]);
    }

    private void Settle(AntivirusProtocol protocol, ReadOnlySpan<byte> rest)
    {
        _reader = _system.MakeReader(protocol, this);
        _reader.Feed(_firstSender, _first.AsSpan(0, _firstLength));
        if (!rest.IsEmpty && _blocked is null && !_opaque) _reader.Feed(_firstSender, rest);
    }

    private Sender SenderOf(StreamDirection direction) => direction == _facts.Initiator ? Sender.Client : Sender.Server;
}
