using System.Collections.Concurrent;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>The host node's side of one guest: its memory and the three links it is reached by.</summary>
public sealed class GuestLinks : IDisposable
{
    private readonly List<IvshmemSlotServer> _servers = new(3);
    private readonly ConcurrentDictionary<int, bool> _attached = new();
    private readonly string _readOnlyReceive;

    /// <summary>Makes the memory and the sockets.</summary>
    /// <param name="runDirectory">Sockets lie in a directory of the guest's below it.</param>
    /// <param name="guest">Whose memory.</param>
    /// <param name="geometry">Its size.</param>
    /// <param name="parties">Who may attach, the guest included.</param>
    /// <exception cref="NativeFailure">EADDRINUSE: another host node serves this guest; nothing is left behind.</exception>
    public GuestLinks(string runDirectory, GuestIdentity guest, GuestGeometry geometry, IReadOnlyList<PartyIdentity> parties)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(guest.Number, LinkNumber.MaxGuest);
        // Passable, not listable: the agent's socket lies there too, and may be open to other users.
        Directory.CreateDirectory(LinkPath.Directory(runDirectory, guest.Name),
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        var (edge, receive, core) = GuestMemory.Create(geometry, guest, parties);
        _readOnlyReceive = LinkPath.ReadOnlyReceive(runDirectory, guest.Name);
        var trusted = parties.Where(p => p.Number != Party.Guest).ToArray();
        try
        {
            _servers.Add(new IvshmemSlotServer(Link(SegmentKind.Edge), edge, Slots(SegmentKind.Edge, parties, p => p == Party.Guest ? geometry.Channels : 1)));
            _servers.Add(new IvshmemSlotServer(Link(SegmentKind.Receive), receive, Slots(SegmentKind.Receive, parties, _ => 1)));
            _servers.Add(new IvshmemSlotServer(Link(SegmentKind.Core), core, Slots(SegmentKind.Core, trusted, _ => 1)));
            // A link and no file, so that the memory ends with its users and is never left lying about. The sockets are ours by now, and
            // so is the name of a predecessor's link.
            File.Delete(_readOnlyReceive);
            File.CreateSymbolicLink(_readOnlyReceive, $"/proc/{Environment.ProcessId}/fd/{_servers[1].MemoryOf(Party.Guest).Descriptor}");
            Memory = GuestMemory.OpenTrusted(edge, receive, core);
        }
        catch
        {
            if (_servers.Count == 3)
                File.Delete(_readOnlyReceive);
            _servers.ForEach(s => s.Dispose());
            edge.Dispose();
            receive.Dispose();
            core.Dispose();
            throw;
        }

        // A node holds all its links as long as it lives, so one of them tells of it.
        _servers[0].Changed += (slot, attached) => OnChanged(parties.First(p => p.Number == slot.Id), attached);

        LinkNumber Link(SegmentKind kind) => new(guest.Number, kind, Party.Guest);

        IvshmemSlot[] Slots(SegmentKind kind, IReadOnlyList<PartyIdentity> who, Func<int, int> vectors) =>
            [.. who.Select(p => new IvshmemSlot(p.Number, p.Name, LinkPath.Socket(runDirectory, guest.Name, kind, p.Name),
                vectors(p.Number), kind == SegmentKind.Receive && p.Number == Party.Guest,
                UnixFileMode.UserRead | UnixFileMode.UserWrite))];
    }

    /// <summary>A party has attached or gone. Raised on the serving thread.</summary>
    public event Action<PartyIdentity, bool>? Changed;

    /// <summary>The guest's memory, for listings; disposed with this.</summary>
    public GuestMemory Memory { get; }

    /// <summary>Parties that are attached now.</summary>
    public IReadOnlyCollection<int> Attached => _attached.Keys.ToArray();

    public void Serve(SlotServerThread thread)
    {
        foreach (var server in _servers)
            thread.Add(server);
    }

    public void Dispose()
    {
        File.Delete(_readOnlyReceive);
        foreach (var server in _servers)
            server.Dispose();
        Memory.Dispose();
    }

    // The host sees at once that a node is gone, even one that could say nothing any more: it takes back that node's word of being
    // there, and wakes who has to act on it.
    private void OnChanged(PartyIdentity party, bool attached)
    {
        if (attached)
            _attached[party.Number] = true;
        else
            _attached.TryRemove(party.Number, out _);
        if (party.Number == Party.Guest)
        {
            // Said for the agent, in memory that the guest cannot write.
            Volatile.Write(ref Memory.CoreParty(Party.Guest).Incarnation, attached ? (ulong)Random.Shared.NextInt64() | 1 : 0);
        }
        else if (!attached)
        {
            Volatile.Write(ref Memory.CoreParty(party.Number).Incarnation, 0);
            Volatile.Write(ref Memory.EdgeParty(party.Number).Incarnation, 0);
        }

        if (!attached)
        {
            _servers[0].Ring(Party.Guest);
            for (var p = Party.Tovm; p < Party.Count; p++)
                _servers[2].Ring(p);
        }

        Changed?.Invoke(party, attached);
    }
}
