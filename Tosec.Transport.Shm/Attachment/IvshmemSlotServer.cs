using System.Buffers.Binary;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>
/// Serves one shared memory by QEMU's ivshmem-server protocol (QEMU docs/specs/ivshmem-spec), as a slot server: each node has a socket
/// and an id of its own, every slot's event descriptors are made once and kept, all of them are announced when a peer connects, and no
/// join or leave is ever sent afterwards.
/// </summary>
/// <remarks>
/// Slots, because QEMU corrupts its heap when a peer id is used again after a leave. A node may die and come back under its id; whether
/// it lives is told by its socket here and by its heartbeat in the segment. Owned by the host node; <see cref="OnListener"/> is called
/// by one thread.
/// </remarks>
public sealed class IvshmemSlotServer : IDisposable
{
    private const long ProtocolVersion = 0;

    private readonly LinkNumber _link;
    private readonly MemoryDescriptor _memory;
    private readonly Slot[] _slots;

    /// <param name="link">Guest and segment; with a slot's party it is the id that peers know the slot by.</param>
    /// <param name="memory">Given to peers; owned by the server from here.</param>
    /// <param name="slots">The nodes that may attach; ids are unique.</param>
    /// <exception cref="NativeFailure">A socket cannot be made; nothing is left behind.</exception>
    public IvshmemSlotServer(LinkNumber link, MemoryDescriptor memory, IReadOnlyList<IvshmemSlot> slots)
    {
        _link = link;
        _memory = memory;
        _slots = new Slot[slots.Count];
        try
        {
            for (var i = 0; i < slots.Count; i++)
                _slots[i] = new Slot(slots[i], memory);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>A node has connected to its slot, or its connection has ended. Raised on the serving thread.</summary>
    public event Action<IvshmemSlot, bool>? Changed;

    /// <summary>What the serving thread waits on: a key for <see cref="OnListener"/> and a descriptor, for each slot's listener.</summary>
    internal IEnumerable<(int Key, int Descriptor)> Listeners => _slots.Select((s, i) => (i, s.Listener.Descriptor));

    /// <summary>The memory as a node is given it; the server's.</summary>
    internal MemoryDescriptor MemoryOf(int id) => _slots.First(s => s.Definition.Id == id).Memory;

    /// <summary>A listener is readable: takes the peer in, or turns it away while the slot is taken.</summary>
    /// <returns>The connection's descriptor to watch for its end, or -1.</returns>
    internal int OnListener(int key)
    {
        var slot = _slots[key];
        var peer = slot.Listener.Accept();
        if (peer is null)
            return -1;
        if (slot.Peer is not null && !PeerEnded(slot))
        {
            peer.Dispose();
            return -1;
        }

        // What was rung for the slot's last occupant is not the new one's: it looks at its rings once anyway.
        foreach (var bell in slot.Bells)
            bell.Drain();
        if (!Announce(peer, slot))
        {
            peer.Dispose();
            return -1;
        }

        slot.Peer = peer;
        Changed?.Invoke(slot.Definition, true);
        return peer.Descriptor;
    }

    /// <summary>A peer's connection is readable: peers say nothing, so this is its end, or it is ended for talking.</summary>
    /// <returns>Whether it is over.</returns>
    internal bool OnPeer(int key) => _slots[key].Peer is null || PeerEnded(_slots[key]);

    /// <summary>Rings a node's doorbell. Any thread.</summary>
    internal void Ring(int id)
    {
        foreach (var slot in _slots)
        {
            if (slot.Definition.Id == id)
                slot.Bells[0].Ring();
        }
    }

    public void Dispose()
    {
        foreach (var slot in _slots)
            slot?.Dispose();
        _memory.Dispose();
    }

    private bool PeerEnded(Slot slot)
    {
        // A peer has nothing to say. One that talks is turned out: whoever reads until it is silent serves nobody else.
        Span<byte> ignored = stackalloc byte[64];
        if (slot.Peer!.TryReceive(ignored, [], out _) == -Errnos.EAGAIN)
            return false;
        slot.Peer.Dispose();
        slot.Peer = null;
        Changed?.Invoke(slot.Definition, false);
        return true;
    }

    private bool Announce(UnixSocket peer, Slot slot)
    {
        if (!Send(peer, ProtocolVersion, null) || !Send(peer, _link.Of(slot.Definition.Id).Value, null) || !Send(peer, -1, slot.Memory.Descriptor))
            return false;
        foreach (var other in _slots)
        {
            if (other != slot && !AnnounceBells(peer, other))
                return false;
        }

        return AnnounceBells(peer, slot);
    }

    private bool AnnounceBells(UnixSocket peer, Slot slot)
    {
        foreach (var bell in slot.Bells)
        {
            if (!Send(peer, _link.Of(slot.Definition.Id).Value, bell.Descriptor))
                return false;
        }

        return true;
    }

    private static bool Send(UnixSocket peer, long value, int? descriptor)
    {
        Span<byte> message = stackalloc byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(message, value);
        return peer.TrySend(message, descriptor is { } d ? [d] : []) == message.Length;
    }

    private sealed class Slot : IDisposable
    {
        internal Slot(IvshmemSlot definition, MemoryDescriptor memory)
        {
            Definition = definition;
            Memory = memory;
            Bells = new EventFd[definition.Vectors];
            try
            {
                if (definition.ReadOnly)
                    Memory = memory.OpenReadOnly();
                for (var i = 0; i < Bells.Length; i++)
                    Bells[i] = EventFd.Create();
                Listener = UnixSocket.Listen(definition.SocketPath, packets: false, definition.Mode);
            }
            catch
            {
                DisposeDescriptors();
                throw;
            }
        }

        internal IvshmemSlot Definition { get; }

        internal MemoryDescriptor Memory { get; }

        internal EventFd[] Bells { get; }

        internal UnixSocket Listener { get; }

        internal UnixSocket? Peer { get; set; }

        public void Dispose()
        {
            Peer?.Dispose();
            Listener.Dispose();
            DisposeDescriptors();
            File.Delete(Definition.SocketPath);
        }

        private void DisposeDescriptors()
        {
            foreach (var bell in Bells)
                bell?.Dispose();
            if (Definition.ReadOnly)
                Memory.Dispose();
        }
    }
}

/// <summary>One node's place on a link.</summary>
/// <param name="Id">The party's number.</param>
/// <param name="Node">Name of the node.</param>
/// <param name="SocketPath">Where it connects.</param>
/// <param name="Vectors">Event descriptors it waits on.</param>
/// <param name="ReadOnly">It is given a descriptor that can only be mapped for reading.</param>
/// <param name="Mode">Permission bits of the socket file.</param>
public sealed record IvshmemSlot(int Id, string Node, string SocketPath, int Vectors, bool ReadOnly, UnixFileMode Mode);
