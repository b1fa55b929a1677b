using Akka.Actor;
using Tosec.Actors.Inspection;
using Tosec.Actors.Streams;

namespace Tosec.Actors.Svm;

/// <content>Verdicts that come later: the inspector wakes the stream, and the stream's end waits for the verdict too.</content>
internal sealed partial class SvmStreamActor
{
    // When each stream's end was held back, in milliseconds of the worker's clock; 0: it is not.
    private long _outgoingEndSince;
    private long _incomingEndSince;

    // Woken while an answer waits for room: neither stream is asked until it has it.
    private bool _wokenMeanwhile;

    private bool AnyEndHeld => (_outgoingEndSince | _incomingEndSince) != 0;

    private ref long EndSince(StreamDirection direction) =>
        ref direction == StreamDirection.Outgoing ? ref _outgoingEndSince : ref _incomingEndSince;

    private bool IsEndHeld(StreamDirection direction) => EndSince(direction) != 0;

    private bool IsEndOverdue(StreamDirection direction, long now) => IsEndHeld(direction) && now - EndSince(direction) >= _holdDeadline;

    private void HoldEnd(StreamDirection direction)
    {
        EndSince(direction) = Math.Max(1, Environment.TickCount64);
        _svm.Holding.Add(_entry);
    }

    private void ForgetEnd(StreamDirection direction) => EndSince(direction) = 0;

    private void FinishHeldEnd(StreamFlow flow)
    {
        ref var since = ref EndSince(ReferenceEquals(flow, _outgoing) ? StreamDirection.Outgoing : StreamDirection.Incoming);
        if (since == 0)
            return;
        since = 0;
        flow.Finish(0);
    }

    private void OnWake()
    {
        _wokenMeanwhile = false;
        Resume(StreamDirection.Outgoing, _outgoing);
        Resume(StreamDirection.Incoming, _incoming);
        // Outside of a round of the lanes nobody else rings.
        _svm.Port.FlushRings();
    }

    private void Resume(StreamDirection direction, StreamFlow flow)
    {
        if (IsBlocked || _inspector is not IDeferringInspector inspector)
            return;
        if (_answer is not null)
        {
            _wokenMeanwhile = true;
            return;
        }

        Verdict verdict;
        try
        {
            verdict = inspector.Resume(direction);
        }
        catch (Exception failure)
        {
            EngineFailed(failure);
            verdict = Verdict.Undecided("the engine failed on this stream");
        }

        if (verdict.Kind != VerdictKind.Hold)
            Settle(direction, flow, verdict);
    }

    private sealed class Waker(IActorRef stream) : IInspectionWaker
    {
        public void Wake() => stream.Tell(StreamProtocol.Wake.Instance, ActorRefs.NoSender);
    }
}
