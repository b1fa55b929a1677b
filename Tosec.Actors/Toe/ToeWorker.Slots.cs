using Tosec.Actors.Streams;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <content>The stream slots: who has which, and what a TOVM before us has left in them.</content>
internal sealed partial class ToeWorker
{
    private readonly ToeSocket?[] _table;
    private readonly Stack<int> _freeSlots = new();
    private readonly HashSet<int> _orphans = [];

    /// <summary>Makes a socket in a free slot; null when the guest has used them all.</summary>
    public ToeSocket? Make(bool ipv6)
    {
        if (!_freeSlots.TryPop(out var slot))
            return null;
        var memory = _toe.Port.Memory;
        memory.Cursor(slot) = default;
        ref var state = ref memory.State(slot);
        state = default;
        state.Family = ipv6 ? 6u : 4u;
        state.Type = 1;
        state.ConnectionId = ConnectionIds.Next(memory.Guest.HostNumber);
        var socket = new ToeSocket(_toe, slot, state.ConnectionId, ipv6);
        _table[slot] = socket;
        socket.Actor = _spawner.Spawn(socket.ConnectionId, () => new ToeSocketActor(socket), new ToeProtocol.Ended(socket));
        return socket;
    }

    /// <summary>Takes a slot back.</summary>
    public void Free(ToeSocket socket)
    {
        if (!ReferenceEquals(_table[socket.Slot], socket))
            return;
        _gatherer.Flush();
        _table[socket.Slot] = null;
        ref var state = ref _toe.State(socket.Slot);
        Volatile.Write(ref state.Status, (uint)StreamStatus.Free);
        state.ConnectionId = 0;
        _freeSlots.Push(socket.Slot);
        socket.Tell(ToeProtocol.Stop);
    }

    /// <summary>Ends a connection that the guest was offered and will not accept any more.</summary>
    public void Abandon(uint slot, ulong connectionId)
    {
        if (Find(slot, connectionId) is not { } socket)
            return;
        socket.Tell(new StreamProtocol.Fail("its listener was closed", Errno.ECONNRESET));
        socket.Tell(ToeProtocol.GuestClosed);
    }

    private void OnGuestClose(in Descriptor descriptor)
    {
        if (Find(descriptor.Slot, descriptor.StreamId) is { } socket)
        {
            _gatherer.Flush();
            socket.Tell(ToeProtocol.GuestClosed);
        }
        else if (_orphans.Remove((int)descriptor.Slot))
        {
            FreeOrphan((int)descriptor.Slot);
        }
    }

    private void FreeOrphan(int slot)
    {
        // An SVM may have handed the guest more before it knew that the TOVM before us was gone.
        _toe.Port.Memory.ReceivePool.Reclaim(Party.Guest, slot);
        _toe.State(slot) = default;
        _freeSlots.Push(slot);
    }

    // What a TOVM before us has left: its connections are over, and their slots are free when the agent has closed them.
    private void CleanUpAfterPredecessor()
    {
        var memory = _toe.Port.Memory;
        memory.SealedPool.Reclaim(Party.Tovm);
        memory.ReceivePool.Reclaim(Party.Tovm);
        memory.ReceivePool.Reclaim(Party.Guest);
        var inUse = new List<int>();
        for (var slot = 0; slot < _table.Length; slot++)
        {
            ref var state = ref memory.State(slot);
            if (state.ConnectionId == 0)
                continue;
            state.Error = Errno.ECONNRESET;
            state.ClosedRead = 1;
            Volatile.Write(ref state.Status, (uint)StreamStatus.Aborted);
            _orphans.Add(slot);
            inUse.Add(slot);
            _toe.Port.NotifyAgent(slot);
        }

        if (inUse.Count == 0)
            return;
        var free = _freeSlots.Where(s => !_orphans.Contains(s)).ToArray();
        _freeSlots.Clear();
        for (var i = free.Length - 1; i >= 0; i--)
            _freeSlots.Push(free[i]);
    }

    private ToeSocket? Find(uint slot, ulong streamId) =>
        slot < _table.Length && _table[slot] is { } socket && socket.ConnectionId == (streamId & ~1ul) ? socket : null;
}
