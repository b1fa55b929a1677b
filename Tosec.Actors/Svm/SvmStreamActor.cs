using System.Net;
using System.Text;
using Akka.Actor;
using Akka.Event;
using Tosec.Actors.Inspection;
using Tosec.Actors.Streams;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Svm;

/// <summary>
/// A connection at an SVM: gives its payloads to the inspector in order, and releases, holds or drops them by its verdicts. Owns the
/// payloads of both its streams from the moment a run is delivered; whatever happens, each is handed on or given back.
/// </summary>
internal sealed partial class SvmStreamActor : UntypedActor
{
    private const int EAGAIN = 11;
    private const int ECONNRESET = 104;

    private readonly SvmContext _svm;
    private readonly StreamEntry _entry;
    private readonly StreamFacts _facts;
    private readonly StreamFlow _outgoing;
    private readonly StreamFlow _incoming;
    private readonly long _holdLimit;
    private readonly long _holdDeadline;
    private readonly bool _bypassOnFailure;
    private IStreamInspector? _inspector;
    private string _state = "open";

    public SvmStreamActor(SvmContext svm, StreamEntry entry, StreamRecord record)
    {
        _svm = svm;
        _entry = entry;
        _facts = FactsOf(record, svm.Port.Memory.Guest.Name);
        _outgoing = new StreamFlow(svm.Port, entry, StreamDirection.Outgoing);
        _incoming = new StreamFlow(svm.Port, entry, StreamDirection.Incoming);
        _holdLimit = record.HoldLimit;
        _holdDeadline = record.HoldDeadline;
        _bypassOnFailure = record.Bypass != 0;
        entry.Describe = Report;
        try
        {
            _inspector = svm.Engine.Open(_facts);
            (_inspector as IDeferringInspector)?.Attach(new Waker(Self));
        }
        catch (Exception failure)
        {
            EngineFailed(failure);
        }
    }

    /// <summary>Blocked: what still comes is given back unseen.</summary>
    private bool IsBlocked => _state == "blocked";

    protected override void OnReceive(object message)
    {
        switch (message)
        {
            case DescriptorRun run:
                OnRun(run);
                break;
            case StreamProtocol.HoldTick tick:
                OnHoldTick(tick.NowMilliseconds);
                break;
            case StreamProtocol.Wake:
                OnWake();
                break;
            case StreamProtocol.Fail fail:
                Block(StreamDirection.Outgoing, Failure(fail.Reason));
                break;
            case StreamProtocol.Close:
                Context.Stop(Self);
                break;
            default:
                Unhandled(message);
                break;
        }
    }

    protected override void PostStop()
    {
        DropAnswer();
        _outgoing.DropHeld();
        _incoming.DropHeld();
        _svm.Intake.Discard(_entry);
        _svm.Holding.Remove(_entry);
        _inspector?.Dispose();
    }

    private void OnRun(DescriptorRun run)
    {
        var done = 0;
        try
        {
            for (; done < run.Count; done++)
                OnDescriptor(run[done]);
        }
        finally
        {
            // After a failure: the one in hand too. If it was handed on or given back before, it is not ours, and nothing happens.
            for (; done < run.Count; done++)
                Flow((StreamDirection)(run[done].StreamId & 1)).Drop(run[done]);
            run.Release();
        }
    }

    private void OnDescriptor(in Descriptor descriptor)
    {
        var direction = (StreamDirection)(descriptor.StreamId & 1);
        var flow = Flow(direction);
        if (descriptor.Opcode == Opcode.AnswerRoom)
        {
            OnAnswerRoom(descriptor.Code);
            return;
        }

        if (_answer is not null)
        {
            _waiting.Enqueue(descriptor);
            return;
        }

        switch (descriptor.Opcode)
        {
            case Opcode.Payload:
                OnPayload(direction, flow, descriptor);
                break;
            case Opcode.Fin when !IsBlocked:
                Judge(direction, flow, default, isEnd: true);
                if (!IsBlocked && !IsEndHeld(direction))
                {
                    flow.ReleaseHeld();
                    flow.Finish(0);
                }

                break;
            case Opcode.Reset when !IsBlocked:
                // What was held had no verdict yet, and its stream is over.
                flow.DropHeld();
                ForgetEnd(direction);
                flow.Finish(descriptor.Code);
                break;
        }
    }

    private void OnPayload(StreamDirection direction, StreamFlow flow, in Descriptor descriptor)
    {
        if (!flow.TryOpen(descriptor, out var bytes))
        {
            // Only a trusted party can bring this about, and only by a defect: nothing of this stream is to be believed.
            Block(direction, Failure("payload is not in a buffer of ours"));
            return;
        }

        if (IsBlocked || flow.Finished)
        {
            flow.Drop(descriptor);
            return;
        }

        var half = _entry.Half(direction);
        half.Payloads++;
        half.Bytes += bytes.Length;
        _svm.Counters.Payloads++;
        _svm.Counters.Bytes += bytes.Length;
        var verdict = Ask(direction, bytes, isEnd: false);
        switch (verdict.Kind)
        {
            case VerdictKind.Pass or VerdictKind.Alert:
                if (verdict.Threat is { } alert)
                    Alert(direction, alert);
                _svm.Counters.Passed++;
                if (flow.HeldBytes > 0)
                    Unhold(flow);
                flow.HandOn(descriptor);
                break;
            case VerdictKind.Block:
                flow.Drop(descriptor);
                Block(direction, verdict.Threat!);
                break;
            default:
                flow.Hold(descriptor);
                _svm.Counters.Held++;
                _svm.Holding.Add(_entry);
                Settle(direction, flow, verdict);
                break;
        }

        AskOther(direction);
    }

    // The end of a stream has no payload of its own, so a verdict is all that comes of it.
    private void Judge(StreamDirection direction, StreamFlow flow, ReadOnlySpan<byte> bytes, bool isEnd)
    {
        var verdict = Ask(direction, bytes, isEnd);
        switch (verdict.Kind)
        {
            case VerdictKind.Alert:
                Alert(direction, verdict.Threat!);
                break;
            case VerdictKind.Hold when _inspector is IDeferringInspector:
                HoldEnd(direction);
                break;
            case VerdictKind.Hold or VerdictKind.Release or VerdictKind.Cut:
                Undecided(direction, flow, "the stream ended before the engine could say");
                break;
            case VerdictKind.Undecided:
                Undecided(direction, flow, verdict.Reason!);
                break;
            case VerdictKind.Block:
                Block(direction, verdict.Threat!);
                break;
        }
    }

    private void OnHoldTick(long now)
    {
        AskRoomAgain();
        Expire(StreamDirection.Outgoing, _outgoing, now);
        Expire(StreamDirection.Incoming, _incoming, now);
    }

    private void Expire(StreamDirection direction, StreamFlow flow, long now)
    {
        if (IsBlocked || !(IsOverdue(flow, now) || IsEndOverdue(direction, now)))
            return;
        if (_answer is null)
            HoldLimit(direction, flow, $"held for more than {_holdDeadline} ms");
        else
            Block(direction, Failure("an answer found no room in time"));
    }

    private bool IsOverdue(StreamFlow flow, long now) => flow.HeldBytes > 0 && now - flow.HeldSince >= _holdDeadline;

    private void HoldLimit(StreamDirection direction, StreamFlow flow, string reason)
    {
        Verdict verdict;
        try
        {
            verdict = _inspector is null ? Verdict.Hold : _inspector.HoldLimit(direction);
        }
        catch (Exception failure)
        {
            EngineFailed(failure);
            verdict = Verdict.Hold;
        }

        if (verdict.Kind is VerdictKind.Hold or VerdictKind.Undecided)
            Undecided(direction, flow, verdict.Reason ?? reason);
        else
            Settle(direction, flow, verdict);
    }

    /// <summary>The engine cannot say: the chain's failure policy decides.</summary>
    private void Undecided(StreamDirection direction, StreamFlow flow, string reason)
    {
        if (!_bypassOnFailure)
        {
            Block(direction, Failure(reason));
            return;
        }

        Alert(direction, Failure(reason));
        Unhold(flow);
    }

    private void Unhold(StreamFlow flow)
    {
        flow.ReleaseHeld();
        FinishHeldEnd(flow);
        if (_outgoing.HeldBytes == 0 && _incoming.HeldBytes == 0 && !AnyEndHeld)
            _svm.Holding.Remove(_entry);
    }

    private Verdict Ask(StreamDirection direction, ReadOnlySpan<byte> bytes, bool isEnd)
    {
        if (_inspector is null)
            return _bypassOnFailure ? Verdict.Pass : Verdict.Block(Failure("the engine failed on this stream"));
        try
        {
            return isEnd ? _inspector.End(direction) : _inspector.Inspect(direction, bytes);
        }
        catch (Exception failure)
        {
            EngineFailed(failure);
            return _bypassOnFailure ? Verdict.Pass : Verdict.Block(Failure("the engine failed on this stream"));
        }
    }

    private void EngineFailed(Exception failure)
    {
        _svm.Counters.EngineFailures++;
        Context.GetLogger().Error(failure, "{0} failed on connection {1:x} of {2}", _svm.Engine.Type, _entry.ConnectionId, _facts.Guest);
        try
        {
            _inspector?.Dispose();
        }
        catch (Exception again)
        {
            // The engine is broken for this stream already; it is not asked again.
            Context.GetLogger().Warning(again, "{0} failed to close connection {1:x}", _svm.Engine.Type, _entry.ConnectionId);
        }

        _inspector = null;
    }

    private void Alert(StreamDirection direction, Threat threat)
    {
        _svm.Counters.Alerts += 1 + threat.Others.Count;
        Report(direction, blocked: false, threat);
    }

    /// <summary>Ends the connection: drops what is held, answers its sender if the engine can, and tells the TOE.</summary>
    private void Block(StreamDirection direction, Threat threat)
    {
        if (IsBlocked)
            return;
        _state = "blocked";
        _svm.Counters.Blocks++;
        Report(direction, blocked: true, threat);
        DropAnswer();
        _outgoing.DropHeld();
        _incoming.DropHeld();
        _svm.Intake.Discard(_entry);
        _svm.Holding.Remove(_entry);
        var back = direction == StreamDirection.Outgoing ? _incoming : _outgoing;
        var answered = !threat.Answer.IsEmpty && !back.Finished && back.TryInject(threat.Answer.Span);
        if (answered)
            back.Finish(0);
        _svm.Port.Send(Party.Tovm, new Descriptor
        {
            Opcode = Opcode.Block,
            Code = ECONNRESET,
            Slot = (uint)_entry.Slot,
            StreamId = _entry.Half(direction).StreamId,
            Arg0 = answered ? 1u : 0u,
        });
    }

    private void Report(StreamDirection direction, bool blocked, Threat threat)
    {
        _svm.Threats.Report(_facts, direction, blocked, threat);
        foreach (var other in threat.Others) _svm.Threats.Report(_facts, direction, blocked, other);
    }

    private StreamFlow Flow(StreamDirection direction) => direction == StreamDirection.Outgoing ? _outgoing : _incoming;

    private StreamReport Report() => new(
        _entry.ConnectionId,
        _facts.Guest,
        _facts.GuestEndPoint.ToString(),
        _facts.PeerEndPoint.ToString(),
        _facts.Initiator == StreamDirection.Outgoing ? "guest" : "peer",
        _state,
        _facts.Chain,
        "",
        _entry.Outgoing.Bytes,
        _entry.Incoming.Bytes,
        _outgoing.HeldBytes + _incoming.HeldBytes);

    private Threat Failure(string reason) => new()
    {
        SignatureId = 0,
        Signature = $"{_svm.Engine.Type}: {reason}",
        Category = "engine-failure",
        Severity = 2,
    };

    private static unsafe StreamFacts FactsOf(StreamRecord record, string guest)
    {
        var none = new IPEndPoint(IPAddress.Any, 0);
        var name = new ReadOnlySpan<byte>(record.ChainName, StreamRecord.NameBytes);
        var end = name.IndexOf((byte)0);
        return new StreamFacts(record.ConnectionId, guest, Encoding.UTF8.GetString(end < 0 ? name : name[..end]),
            record.Initiator == 0 ? StreamDirection.Outgoing : StreamDirection.Incoming,
            record.Guest.ToEndPoint() ?? none, record.Peer.ToEndPoint() ?? none);
    }
}
