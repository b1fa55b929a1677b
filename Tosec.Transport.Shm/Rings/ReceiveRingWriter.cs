using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Rings;

/// <summary>The writing end of one stream's receive ring: the last hop of the incoming path. One thread; never blocks.</summary>
/// <remarks>
/// It does not look at the reader's position: who lets payloads onto the path (the TOE) keeps fewer under way than the ring has
/// entries, so overwriting an unread entry needs a lying reader, who loses nothing but its own bytes.
/// </remarks>
public unsafe struct ReceiveRingWriter
{
    private readonly StreamState* _state;
    private readonly ReceiveEntry* _entries;
    private ulong _tail;

    internal ReceiveRingWriter(StreamState* state, ReceiveEntry* entries)
    {
        _state = state;
        _entries = entries;
        _tail = Volatile.Read(ref state->ReceiveTail);
    }

    public void Publish(ReceiveEntryKind kind, ulong offset, uint length)
    {
        ref var entry = ref _entries[_tail & (GuestGeometry.RingEntries - 1)];
        entry.Offset = offset;
        entry.Length = length;
        entry.Kind = (uint)kind;
        _tail++;
        // Release: pairs with the reader's acquire of ReceiveTail.
        Volatile.Write(ref _state->ReceiveTail, _tail);
    }
}
