using Tosec.Actors.Streams;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <content>How it ends: closed by the guest, blocked by an SVM, aborted; and how its slot comes free.</content>
internal sealed partial class ToeSocket
{
    private bool _guestClosed;
    private bool _aborted;
    private bool _svmsToldToClose;
    private bool _svmsClosed;
    private bool _draining;
    private bool _drained;
    private long _drainUntil;
    private bool _released;
    private bool _guestCloseHeard;
    private bool _svmsClosedHeard;
    private bool _resetOnClose;
    private int _finTicks;
    private long _endDue;
    private long _payloadsAtLook;

    /// <summary>Whether something of it hangs on the clock.</summary>
    public bool NeedsTicks => _draining || _finTicks > 0 || _endDue > 0;

    /// <summary>The last reference in the guest is gone. What it has sent still goes out; what comes in is nobody's any more.</summary>
    public void GuestClosed()
    {
        if (_guestClosed)
            return;
        _guestClosed = true;
        if (Entry is null || _aborted)
            TryRelease();
        else if (_resetOnClose && !_draining && Socket is not null)
            Abort(Errno.ECONNRESET);
        else
            AfterSending();
        if (!_released && _send is { Finished: false })
            ExpectEnd();
    }

    /// <summary>An SVM has ended the connection.</summary>
    public void OnBlock(in Descriptor descriptor)
    {
        _toe.Counters.Blocks++;
        if (descriptor.Arg0 == 0 || Entry is null)
        {
            Abort(descriptor.Code);
            return;
        }

        if ((descriptor.StreamId & 1) == 0)
        {
            // The guest was the sender, and is answered: its peer hears no more of it, the guest reads the answer and its end.
            CloseSocket(reset: true);
            _send!.GiveUp();
            _send.ForgetCredit();
            AfterSending();
            return;
        }

        // The peer was the sender: the answer comes through the chain and is sent before its connection ends; the guest is cut off.
        TellGuestOfAbort(descriptor.Code);
        _draining = true;
        _drainUntil = Environment.TickCount64 + 2000;
        Read(peerClosed: false);
        AfterSending();
    }

    /// <summary>Every SVM of the path has forgotten the connection.</summary>
    public void OnSvmsClosed()
    {
        _svmsClosed = true;
        TryRelease();
    }

    /// <summary>An SVM of the host is gone: the connections that pass it cannot be inspected any more.</summary>
    public void OnPartyGone(int party)
    {
        if (Entry is not { } entry || !entry.Path.Contains((byte)party))
            return;
        var told = _svmsToldToClose;
        Abort(Errno.ECONNRESET);
        // Word that was on its way may have been lost with it; those who have heard it already only pass it on.
        if (told && !_svmsClosed)
            SendClose(entry);
        TryRelease();
    }

    /// <summary>Ends both ways at once: the guest gets the errno, the peer a reset.</summary>
    public void Abort(int errno)
    {
        if (_aborted || _released)
            return;
        _aborted = true;
        _toe.Counters.Resets++;
        TellGuestOfAbort(errno);
        Cut();
        TryRelease();
    }

    private void Cut()
    {
        CloseSocket(reset: true);
        _send?.GiveUp();
        TellSvmsToClose();
    }

    /// <summary>Coarse clock: ends what drains for too long, and sends the end that a close did not follow.</summary>
    public void OnTick(long now)
    {
        if (_draining && now >= _drainUntil)
            FinishBlocked();
        if (_finTicks > 0 && --_finTicks == 0)
        {
            var error = _send!.End(Socket);
            if (error < 0)
                PeerIsGone(-error);
            AfterSending();
        }

        if (_endDue > 0 && !_released)
            WatchEnd(now);
    }

    // What the guest's processes have sent, its end included, comes through the chain within what each SVM may hold it, unless one of
    // them was killed between taking a sequence number and publishing: then it never comes, and the peer is told.
    private void ExpectEnd()
    {
        const int Slack = 1000;
        _endDue = Environment.TickCount64 + (long)_chain!.HoldDeadline.TotalMilliseconds * Entry!.Path.Length + Slack;
        _payloadsAtLook = Entry.Outgoing.Payloads;
    }

    private void WatchEnd(long now)
    {
        if (_send is not { Finished: false } send || _aborted)
            _endDue = 0;
        else if (send.Waiting > 0 || Entry!.Outgoing.Payloads != _payloadsAtLook)
            ExpectEnd();
        else if (now >= _endDue)
            Abort(Errno.ECONNRESET);
    }

    // With SO_LINGER {1, 0} a close is a reset, and no end must come before it. The agent sends FIN and CLOSE in one go, on different
    // ways: if CLOSE has not come by the second tick, this was a shutdown.
    private int OnFin()
    {
        if (!_resetOnClose || _guestClosed)
            return _send!.End(Socket);
        _finTicks = 2;
        return 0;
    }

    /// <summary>Hands a message to the actor; without one, does itself what the end of the slot depends on.</summary>
    public void Tell(object message)
    {
        // Noted as it comes: an actor that has failed and not stopped yet loses what is in its mailbox.
        _guestCloseHeard |= ReferenceEquals(message, ToeProtocol.GuestClosed);
        _svmsClosedHeard |= ReferenceEquals(message, ToeProtocol.SvmsClosed);
        if (Actor is { } actor)
            _toe.Dispatcher.Deliver(actor, message);
        else if (ReferenceEquals(message, ToeProtocol.GuestClosed))
            GuestClosed();
        else if (ReferenceEquals(message, ToeProtocol.SvmsClosed))
            OnSvmsClosed();
        else if (message is ToeProtocol.PartyGone gone)
            OnPartyGone(gone.Party);
        else if (message is RpcCall call)
            call.Answer(-Errno.EBADF);
    }

    /// <summary>
    /// The actor has stopped: by release, or because it failed, and then the guest and the peer hear of it. The slot waits, as always,
    /// for the guest and the SVMs: what they still send must not meet the next connection in it.
    /// </summary>
    public void OnStopped()
    {
        if (Actor is null)
            return;
        Actor = null;
        if (_released)
        {
            // Unless it failed in the middle of that, this has been done.
            _toe.Worker.Free(this);
            return;
        }

        _guestClosed |= _guestCloseHeard;
        _svmsClosed |= _svmsClosedHeard;
        _draining = false;
        CloseListeners();
        var told = _svmsToldToClose;
        if (Status != StreamStatus.Aborted)
            TellGuestOfAbort(Errno.ECONNRESET);
        if (!_aborted)
            _toe.Counters.Resets++;
        _aborted = true;
        Cut();
        // Once more, if the failure was in the middle of that, or the actor never heard that the SVM it had told is gone.
        if (told && !_svmsClosed && Entry is { } entry)
            SendClose(entry);
        TryRelease();
    }

    private void Drain(KernelSocket socket)
    {
        Span<byte> ignored = stackalloc byte[4096];
        int received;
        while ((received = socket.Receive(ignored)) > 0)
        {
        }

        if (received == -Errno.EAGAIN)
            return;
        // The peer has said all it wants to; it may still wait for the answer, unless it has reset.
        _drained = true;
        if (received < 0 || _send!.Finished)
            FinishBlocked();
    }

    private void FinishBlocked()
    {
        _draining = false;
        CloseSocket(reset: false);
        _send!.GiveUp();
        TellSvmsToClose();
        TryRelease();
    }

    private void AfterSending()
    {
        if (_send is not { } send)
            return;
        send.Grant();
        if (_draining && _drained && send.Finished)
            FinishBlocked();
        if (_guestClosed && send.Finished && !_draining)
        {
            CloseSocket(reset: false);
            TellSvmsToClose();
            TryRelease();
        }
    }

    private void PeerIsGone(int errno)
    {
        _send!.GiveUp();
        if (_receive is { Finished: false } receive)
        {
            // What it sent before may still lie in the kernel, and is the guest's, as far as it has room. The kernel tells an error
            // once: behind that data it would only tell of an end.
            if (_draining || _discarding || _guestClosed || _aborted)
                Read(peerClosed: true);
            else if (Socket is { } socket)
                receive.ReadRest(socket, errno);
            receive.Finish(errno);
            // A writer that waits for credit wakes, and finds the reset in its ring.
            _send.ForgetCredit();
        }
        else if (!_guestClosed && !_aborted)
        {
            // The peer had ended its stream already, so no end behind the data can say this; the guest's next send has to.
            TellGuestOfAbort(errno);
        }
    }

    private void TellGuestOfAbort(int errno)
    {
        ref var state = ref State;
        state.Error = (uint)errno;
        state.ClosedRead = 1;
        Status = StreamStatus.Aborted;
        _toe.Port.NotifyAgent(Slot);
    }

    private void TellSvmsToClose()
    {
        if (_svmsToldToClose || Entry is not { } entry)
            return;
        _svmsToldToClose = true;
        Volatile.Write(ref _toe.Port.Memory.Record(Slot).Closing, 1);
        SendClose(entry);
    }

    // To the first of the incoming path that is there; it tells the next.
    private void SendClose(StreamEntry entry)
    {
        for (var i = entry.Path.Length - 2; i >= 0; i--)
        {
            if (!_toe.Port.IsAlive(entry.Path[i]))
                continue;
            _toe.Port.Send(entry.Path[i], new Descriptor
            {
                Opcode = Opcode.StreamClose,
                Slot = (uint)Slot,
                StreamId = ConnectionId,
            });
            return;
        }

        _svmsClosed = true;
    }

    // What was handed to an SVM after it had gone, by one that did not know yet. Nobody hands it anything of this slot any more.
    private void ReclaimFromTheDead(StreamEntry entry)
    {
        foreach (var party in entry.Path)
        {
            if (!Party.IsSvm(party) || _toe.Port.IsAlive(party))
                continue;
            _toe.Port.Memory.SealedPool.Reclaim(party, Slot);
            _toe.Port.Memory.ReceivePool.Reclaim(party, Slot);
        }
    }

    private void TryRelease()
    {
        if (_guestClosed && (Entry is null || (_svmsToldToClose && _svmsClosed)))
            Release();
    }

    private void Release()
    {
        if (_released)
            return;
        _released = true;
        CloseSocket(reset: false);
        CloseListeners();
        CloseUnaccepted();
        if (Entry is { } entry)
        {
            _send!.GiveUp();
            _receive!.ReclaimAll();
            _toe.Intake.Discard(entry);
            ReclaimFromTheDead(entry);
            _toe.Connected--;
        }

        _toe.Worker.Free(this);
    }

    private void CloseSocket(bool reset)
    {
        if (_source is not { } source)
            return;
        _source = null;
        _toe.Dispatcher.Loop.Unregister(source);
        if (reset)
            source.Socket.ResetOnClose();
        source.Socket.Dispose();
    }
}
