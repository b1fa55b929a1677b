using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Actors.Agent;

/// <summary>
/// Frees the locks of cursors whose holder was killed, and finishes or takes back what they guard. Only the agent does that, and only
/// when the process is gone: nobody else can tell a dead holder from a slow one. Worker's thread.
/// </summary>
internal sealed unsafe class CursorRepair(GuestMemory memory)
{
    // Thread numbers of Linux stay below 2^22 (PID_MAX_LIMIT).
    private const int ThreadBits = 22;

    /// <summary>Frees what a process of this channel held of a stream. Its lanes must not have been given to another one.</summary>
    public void Free(int channel, int slot)
    {
        ref var cursor = ref memory.Cursor(slot);
        if (IsHeld(ref cursor.SendLock, channel))
        {
            FinishSending(channel, slot, ref cursor);
            Volatile.Write(ref cursor.SendLock, 0);
        }

        if (IsHeld(ref cursor.ReceiveLock, channel))
        {
            // Perhaps the byte was taken and perhaps not: the next look sends another, and the reader takes both.
            Volatile.Write(ref cursor.ReadableToken, 0);
            LeaveConnection(channel, slot, ref cursor);
            Volatile.Write(ref cursor.ReceiveLock, 0);
        }
    }

    private static bool IsHeld(ref uint word, int channel)
    {
        var holder = Volatile.Read(ref word);
        return holder != 0 && holder >> ThreadBits == (uint)channel;
    }

    // A payload or an end is published first and counted then; whether it was published, the lane knows.
    private void FinishSending(int channel, int slot, ref StreamCursor cursor)
    {
        if (cursor.PuttingSequence != 0 && WasPut(channel, slot, Opcode.Payload, cursor.PuttingSequence - 1))
        {
            cursor.SendPosition = cursor.PuttingPosition;
            cursor.SendSequence = cursor.PuttingSequence;
        }

        cursor.PuttingSequence = 0;
        if (cursor.FinSent == StreamCursor.FinPutting)
            cursor.FinSent = WasPut(channel, slot, Opcode.Fin, cursor.SendSequence) ? StreamCursor.FinPut : 0;
    }

    // A connection that it had put its name to and not yet taken is the next acceptor's.
    private void LeaveConnection(int channel, int slot, ref StreamCursor cursor)
    {
        var head = cursor.ReceiveHead;
        if (head == Volatile.Read(ref memory.State(slot).ReceiveTail))
            return;
        var next = memory.Ring(slot)[head & (GuestGeometry.RingEntries - 1)];
        if (next.Kind == (uint)ReceiveEntryKind.Accepted && next.Length < memory.Geometry.Streams
            && memory.Cursor((int)next.Length).Channel == (uint)channel)
            memory.Cursor((int)next.Length).Channel = 0;
    }

    private bool WasPut(int channel, int slot, Opcode opcode, ulong sequence)
    {
        ref var state = ref memory.State(slot);
        var lane = (LaneHeader*)(memory.Edge + GuestGeometry.EdgeLane(channel, (int)(state.FirstHop & 7)));
        var slots = (Descriptor*)(lane + 1);
        var tail = Volatile.Read(ref lane->Tail);
        for (ulong n = 1; n <= GuestGeometry.EdgeLaneSlots && n <= tail; n++)
        {
            ref readonly var descriptor = ref slots[(tail - n) % GuestGeometry.EdgeLaneSlots];
            if (descriptor.Opcode == opcode && descriptor.Slot == (uint)slot && descriptor.StreamId == state.ConnectionId
                && descriptor.Sequence == sequence)
                return true;
        }

        return false;
    }
}
