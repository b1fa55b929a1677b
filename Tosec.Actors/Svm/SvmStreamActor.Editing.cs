using Tosec.Actors.Inspection;
using Tosec.Actors.Streams;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Svm;

// Verdicts on a part of what is held, and answers to a sender whose connection goes on.
internal sealed partial class SvmStreamActor
{
    // What came while an answer waits for room: in order, unseen by the engine.
    private readonly Queue<Descriptor> _waiting = new();
    private PendingAnswer? _answer;

    /// <summary>A cut whose answer is in a buffer and waits for the TOE's word that its reader has room.</summary>
    private sealed record PendingAnswer(StreamDirection Direction, int Count, StreamEdit Edit, Descriptor Payload)
    {
        public bool Refused { get; set; }
    }

    private StreamFlow Back(StreamDirection direction) => Flow(1 - direction);

    /// <summary>Does what the engine says of what is held, and asks on until it has said it of everything, or wants more.</summary>
    private void Settle(StreamDirection direction, StreamFlow flow, Verdict verdict)
    {
        while (!IsBlocked)
        {
            switch (verdict.Kind)
            {
                case VerdictKind.Pass or VerdictKind.Alert:
                    if (verdict.Threat is { } alert)
                        Alert(direction, alert);
                    Unhold(flow);
                    return;
                case VerdictKind.Hold:
                    if (flow.UndecidedBytes >= _holdLimit)
                        HoldLimit(direction, flow, $"more than {_holdLimit} bytes held");
                    return;
                case VerdictKind.Undecided:
                    Undecided(direction, flow, verdict.Reason!);
                    return;
                case VerdictKind.Block:
                    Block(direction, verdict.Threat!);
                    return;
                case VerdictKind.Release:
                    Release(direction, flow, verdict);
                    break;
                case VerdictKind.Cut:
                    Cut(direction, flow, verdict);
                    break;
            }

            if (_answer is not null || IsBlocked)
                return;
            if (flow.UndecidedBytes == 0)
            {
                Unhold(flow);
                return;
            }

            verdict = Ask(direction, default, isEnd: false);
        }
    }

    private void Release(StreamDirection direction, StreamFlow flow, Verdict verdict)
    {
        if (verdict.Count < 1 || !flow.TryRelease(verdict.Count))
            Block(direction, Failure("the engine released what it was not given"));
        else if (verdict.Threat is { } alert)
            Alert(direction, alert);
    }

    private void Cut(StreamDirection direction, StreamFlow flow, Verdict verdict)
    {
        var edit = verdict.Edit!;
        if (verdict.Count < 1 || verdict.Count > flow.UndecidedBytes || edit.Answer.Length > StreamEdit.MaxAnswer)
        {
            Block(direction, Failure("the engine cut what it was not given"));
            return;
        }

        if (edit.Answer.IsEmpty || Back(direction).Finished)
        {
            Remove(direction, flow, verdict.Count, edit);
            return;
        }

        if (!Back(direction).TryPrepare(edit.Answer.Span, out var payload))
        {
            Block(direction, Failure("no buffer for an answer"));
            return;
        }

        _answer = new PendingAnswer(direction, verdict.Count, edit, payload);
        Back(direction).AskRoom(payload);
    }

    private void Remove(StreamDirection direction, StreamFlow flow, int count, StreamEdit edit)
    {
        if (!flow.TryCut(count, edit.Replacement.Span))
        {
            Block(direction, Failure("the engine put in more than it took out"));
            return;
        }

        if (edit.Threat is not { } threat)
            return;
        _svm.Counters.Blocks++;
        _svm.Threats.Report(_facts, direction, blocked: true, threat);
    }

    /// <summary>The TOE has counted the answer (0), or its reader has not read enough (EAGAIN), or never will (another error).</summary>
    private void OnAnswerRoom(int errno)
    {
        if (_answer is not { } answer)
            return;
        if (errno == EAGAIN)
        {
            answer.Refused = true;
            return;
        }

        _answer = null;
        var flow = Flow(answer.Direction);
        if (errno == 0)
            Back(answer.Direction).HandOn(answer.Payload);
        else
            Back(answer.Direction).Drop(answer.Payload);
        Remove(answer.Direction, flow, answer.Count, answer.Edit);
        if (!IsBlocked && flow.UndecidedBytes > 0)
            Settle(answer.Direction, flow, Ask(answer.Direction, default, isEnd: false));
        else if (!IsBlocked)
            Unhold(flow);
        while (_answer is null && _waiting.TryDequeue(out var next))
            OnDescriptor(next);
        if (_answer is null && _wokenMeanwhile)
            OnWake();
    }

    private void AskRoomAgain()
    {
        if (_answer is not { Refused: true } answer)
            return;
        answer.Refused = false;
        Back(answer.Direction).AskRoom(answer.Payload);
    }

    /// <summary>One stream has gone on: that may be what the engine holds the other one for.</summary>
    private void AskOther(StreamDirection direction)
    {
        var other = 1 - direction;
        var flow = Flow(other);
        if (!IsBlocked && _answer is null && flow.UndecidedBytes > 0)
            Settle(other, flow, Ask(other, default, isEnd: false));
    }

    private void DropAnswer()
    {
        if (_answer is { } answer)
            Back(answer.Direction).Drop(answer.Payload);
        _answer = null;
        while (_waiting.TryDequeue(out var descriptor))
            Flow((StreamDirection)(descriptor.StreamId & 1)).Drop(descriptor);
    }
}
