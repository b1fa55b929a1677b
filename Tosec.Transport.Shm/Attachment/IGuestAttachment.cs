using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>
/// One party's hold on a guest's memory: the mapping, the doorbells it waits on and those it rings. Nothing above it knows whether this
/// is a process or a virtual machine.
/// </summary>
/// <remarks>Rings may come from any thread; disposal ends the mapping, so every user of the memory has stopped before.</remarks>
public interface IGuestAttachment : IDisposable
{
    /// <summary>Our number; see <see cref="Layout.Party"/>.</summary>
    int Party { get; }

    GuestMemory Memory { get; }

    /// <summary>Whether a party has a place on the edge link at all.</summary>
    bool Exists(int party);

    /// <summary>Rings a party's doorbell on the edge link.</summary>
    void RingEdge(int party, int vector);

    /// <summary>Rings a trusted party's doorbell on the core link.</summary>
    void RingCore(int party);

    /// <summary>Event descriptors that are rung for us: on the edge link by vector, then the core link's if we are on it.</summary>
    internal IReadOnlyList<EventFd> Doorbells { get; }

    /// <summary>The edge link's event descriptor of a party's vector, for handing it to a process of the guest; null if there is none.</summary>
    internal EventFd? EdgeDoorbell(int party, int vector);

    /// <summary>The registers by which processes of the guest ring parties that they have no event descriptor of; null if there are none.</summary>
    internal RegisterDoorbell? Registers { get; }

    /// <summary>Descriptors of the segments, for the same purpose.</summary>
    internal (MemoryDescriptor Edge, MemoryDescriptor Receive) Descriptors { get; }

    /// <summary>Readable when the host node is gone; -1 where that cannot be seen.</summary>
    internal int HostDescriptor { get; }
}

/// <summary>Doorbell registers of the edge device, for handing them to a process of the guest.</summary>
/// <param name="Page">Can be mapped for <see cref="IvshmemRegisters.MappedBytes"/>.</param>
/// <param name="Link">Its numbers are what the doorbell register takes.</param>
internal sealed record RegisterDoorbell(MemoryDescriptor Page, LinkNumber Link);
