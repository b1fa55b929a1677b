using Tosec.Actors.Inspection;
using Tosec.Actors.Streams;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <summary>
/// The incoming stream at the TOE: receives straight into buffers of the receive pool, within the stream's credit, and takes the
/// buffers back that the guest has read. Without credit it stops reading, and TCP closes the window.
/// </summary>
internal sealed class ReceiveSide
{
    // Entries of the receive ring that may be under way; the rest is for the end of the stream and an SVM's answer.
    private const ulong MaxEntries = GuestGeometry.RingEntries - 16;

    // One socket gives way to the next after this many reads.
    private const int ReadsPerTurn = 16;

    private readonly ToeContext _toe;
    private readonly StreamEntry _entry;
    private readonly StreamFlow _flow;
    private ulong _sentEntries;
    private ulong _sentCost;
    private ulong _freedEntries;
    private ulong _freedCost;
    private int _lastRead;

    public ReceiveSide(ToeContext toe, StreamEntry entry)
    {
        _toe = toe;
        _entry = entry;
        _flow = new StreamFlow(toe.Port, entry, StreamDirection.Incoming);
    }

    /// <summary>An end has been sent towards the guest.</summary>
    public bool Finished => _flow.Finished;

    /// <summary>That end is an error of the connection's.</summary>
    public bool Failed { get; private set; }

    /// <summary>Reads until the kernel has nothing more, credit or buffers run out, or the turn is over.</summary>
    /// <param name="socket">Where from.</param>
    /// <param name="peerClosed">The kernel has announced an end: it is read for even behind a short read.</param>
    /// <returns>True: there may be more, call again in the next round.</returns>
    public bool Read(KernelSocket socket, bool peerClosed) => Read(socket, peerClosed, 0);

    /// <summary>Reads what still lies in the kernel after a send has failed, as far as credit and buffers go.</summary>
    /// <param name="socket">Where from.</param>
    /// <param name="errno">What the send failed with: the end that the kernel tells of is this.</param>
    public void ReadRest(KernelSocket socket, int errno)
    {
        while (Read(socket, peerClosed: true, errno))
        {
        }
    }

    /// <summary>Counts payloads that an SVM puts into the stream, if there is credit for one.</summary>
    public bool TryReserve(ulong entries, ulong cost)
    {
        if (!HasCredit())
            return false;
        _sentEntries += entries;
        _sentCost += cost;
        return true;
    }

    /// <summary>Payloads that an SVM has taken out reach no ring.</summary>
    public void Refund(ulong entries, ulong cost)
    {
        _sentEntries -= Math.Min(entries, _sentEntries);
        _sentCost -= Math.Min(cost, _sentCost);
    }

    /// <summary>Ends the stream towards the guest, behind what is under way.</summary>
    public void Finish(int errno)
    {
        if (Finished)
            return;
        Failed = errno != 0;
        _flow.Finish(errno);
    }

    private bool Read(KernelSocket socket, bool peerClosed, int endErrno)
    {
        var pool = _toe.Port.Memory.ReceivePool;
        for (var n = 0; n < ReadsPerTurn && !Finished; n++)
        {
            if (!HasCredit())
                return false;
            // What came last time tells what to expect: a small buffer is not worth a second read, a large one not worth its credit.
            var size = _lastRead >= GuestGeometry.SmallBuffer ? GuestGeometry.LargeBuffer : GuestGeometry.SmallBuffer;
            if (!pool.TryRent(size, Party.Tovm, _entry.Slot, out var buffer)
                && !pool.TryRent(GuestGeometry.SmallBuffer, Party.Tovm, _entry.Slot, out buffer))
            {
                _toe.Worker.WaitForReceiveBuffer(_entry.Slot);
                return false;
            }

            var received = socket.Receive(pool.View(buffer.Offset, (uint)buffer.Capacity));
            if (received <= 0)
            {
                pool.TryReturn(buffer.Index, buffer.Generation, Party.Tovm);
                if (received != -Errno.EAGAIN)
                    Finish(received == 0 ? endErrno : -received);
                return false;
            }

            _lastRead = received;
            _entry.Incoming.Payloads++;
            _entry.Incoming.Bytes += received;
            _toe.Counters.BytesIn += received;
            _sentEntries++;
            _sentCost += (ulong)buffer.Capacity;
            _flow.HandOn(new Descriptor
            {
                Opcode = Opcode.Payload,
                Slot = (uint)_entry.Slot,
                StreamId = _entry.Incoming.StreamId,
                Offset = buffer.Offset,
                Length = (uint)received,
                Generation = buffer.Generation,
            });
            // A short read has emptied the socket, and the next arrival is a new edge.
            if (received < buffer.Capacity && !peerClosed)
                return false;
        }

        return !Finished;
    }

    /// <summary>Takes back what the guest has read. Its position is believed only as far as the ring was written.</summary>
    /// <returns>Whether anything came back.</returns>
    public bool Reclaim()
    {
        var head = Volatile.Read(ref _toe.Port.Memory.Cursor(_entry.Slot).ReceiveHead);
        var tail = Volatile.Read(ref _toe.State(_entry.Slot).ReceiveTail);
        // Beyond the tail, or backwards: a lie; the guest is left with what it has.
        if (head - _freedEntries > tail - _freedEntries)
            return false;
        return ReclaimTo(head);
    }

    /// <summary>Takes back everything that was published: the guest has closed the stream.</summary>
    public void ReclaimAll() => ReclaimTo(Volatile.Read(ref _toe.State(_entry.Slot).ReceiveTail));

    private unsafe bool ReclaimTo(ulong position)
    {
        var freed = false;
        var ring = _toe.Port.Memory.Ring(_entry.Slot);
        var pool = _toe.Port.Memory.ReceivePool;
        while (_freedEntries != position)
        {
            ref var entry = ref ring[_freedEntries & (GuestGeometry.RingEntries - 1)];
            _freedEntries++;
            if (entry.Kind != (uint)ReceiveEntryKind.Data || !pool.TryFind(entry.Offset, entry.Length, out var index))
                continue;
            _freedCost += (ulong)pool.Capacity(index);
            freed |= pool.TryReturn(index, pool.Owner(index).Generation, Party.Guest);
        }

        return freed;
    }

    private bool HasCredit()
    {
        if (WithinCredit())
            return true;
        if (Reclaim() && WithinCredit())
            return true;
        // Dekker: the flag is set before the guest's position is read once more; the guest reads the flag after it has moved on.
        ref var state = ref _toe.State(_entry.Slot);
        Volatile.Write(ref state.Starved, 1);
        Interlocked.MemoryBarrier();
        Reclaim();
        if (!WithinCredit())
            return false;
        Volatile.Write(ref state.Starved, 0);
        return true;
    }

    /// <summary>The guest has read on, after it was told that we starve.</summary>
    public void Resume() => Volatile.Write(ref _toe.State(_entry.Slot).Starved, 0);

    private bool WithinCredit() =>
        _sentEntries - Math.Min(_freedEntries, _sentEntries) < MaxEntries
        && _sentCost - Math.Min(_freedCost, _sentCost) < _toe.ReceiveWindow;
}
