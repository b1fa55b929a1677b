using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>Attachment of a node in a VM: the segments are memory of ivshmem PCI devices, doorbells their registers and MSI-X vectors.</summary>
/// <remarks>
/// The host does not see this node come and go, but the VM: who leaves withdraws its own word in shared memory, and a VM ends with its
/// node.
/// </remarks>
public sealed class PciAttachment : IGuestAttachment
{
    // Devices are opened one after the other: of two that look at once, each would find some of the other's in use.
    private static readonly Lock _gate = new();

    private readonly Device _edge;
    private readonly MemoryDescriptor _receive;
    private readonly Device? _core;
    private readonly EventFd[] _doorbells;

    private PciAttachment(Device edge, MemoryDescriptor receive, Device? core, GuestMemory memory, EventFd[] doorbells)
    {
        _edge = edge;
        _receive = receive;
        _core = core;
        _doorbells = doorbells;
        Memory = memory;
    }

    public int Party => _edge.Number.Party;

    public GuestMemory Memory { get; }

    IReadOnlyList<EventFd> IGuestAttachment.Doorbells => _doorbells;

    (MemoryDescriptor Edge, MemoryDescriptor Receive) IGuestAttachment.Descriptors => (_edge.Memory, _receive);

    RegisterDoorbell? IGuestAttachment.Registers => new(_edge.Page, _edge.Number);

    int IGuestAttachment.HostDescriptor => -1;

    /// <summary>Finds the devices and takes them. Devices may be plugged in at any time, so a caller that lacks some tries again.</summary>
    /// <param name="guest">Whose memory.</param>
    /// <param name="node">Our name on the links.</param>
    /// <param name="trusted">Whether to attach to the core segment: everybody but the guest.</param>
    /// <exception cref="IOException">Devices are missing, or cannot be opened; the message says which and why.</exception>
    /// <exception cref="NativeFailure">EBUSY: another node has one.</exception>
    /// <exception cref="SegmentException">They are not a guest's memory.</exception>
    public static PciAttachment Connect(string guest, string node, bool trusted)
    {
        lock (_gate)
        {
            var found = PciSegments.Find("/sys", guest, node, trusted);
            var undo = new Stack<IDisposable>();
            try
            {
                var edge = Take(new Device(found.Edge.Device, found.Edge.Number));
                var core = found.Core is { } there ? Take(new Device(there.Device, there.Number)) : null;
                var receive = Take(found.Receive.OpenMemory(writable: trusted));
                var memory = Take(core is null ? GuestMemory.OpenGuest(edge.Memory, receive) : GuestMemory.OpenTrusted(edge.Memory, receive, core.Memory));
                var edgeBells = Bells(trusted ? 1 : memory.Geometry.Channels);
                var coreBells = Bells(core is null ? 0 : 1);
                edge.Interrupts.Listen(edgeBells);
                core?.Interrupts.Listen(coreBells);
                return new PciAttachment(edge, receive, core, memory, [.. edgeBells, .. coreBells]);
            }
            catch
            {
                while (undo.TryPop(out var last))
                    last.Dispose();
                throw;
            }

            T Take<T>(T resource) where T : IDisposable
            {
                undo.Push(resource);
                return resource;
            }

            EventFd[] Bells(int count) => [.. Enumerable.Range(0, count).Select(_ => Take(EventFd.Create()))];
        }
    }

    public bool Exists(int party) => Memory.HasPlaceFor(party);

    public void RingEdge(int party, int vector)
    {
        if (Memory.HasPlaceFor(party) && vector < (party == Layout.Party.Guest ? Memory.Geometry.Channels : 1))
            _edge.Registers.Ring(_edge.Number.Of(party), vector);
    }

    public void RingCore(int party)
    {
        if (Memory.HasPlaceFor(party) && party != Layout.Party.Guest)
            _core!.Registers.Ring(_core.Number.Of(party), 0);
    }

    EventFd? IGuestAttachment.EdgeDoorbell(int party, int vector) => null;

    public void Dispose()
    {
        _edge.Dispose();
        _core?.Dispose();
        foreach (var bell in _doorbells)
            bell.Dispose();
        Memory.Dispose();
        _receive.Dispose();
    }

    /// <summary>A device with a doorbell, in use.</summary>
    private sealed class Device : IDisposable
    {
        public Device(PciDevice device, LinkNumber number)
        {
            Number = number;
            Interrupts = device.OpenInterrupts();
            MemoryDescriptor? memory = null, page = null;
            try
            {
                Memory = memory = device.OpenMemory(writable: true);
                Page = page = device.OpenRegisters();
                Registers = new IvshmemRegisters(Page);
            }
            catch
            {
                page?.Dispose();
                memory?.Dispose();
                Interrupts.Dispose();
                throw;
            }
        }

        public LinkNumber Number { get; }

        public VfioDevice Interrupts { get; }

        public MemoryDescriptor Memory { get; }

        public MemoryDescriptor Page { get; }

        public IvshmemRegisters Registers { get; }

        public void Dispose()
        {
            Interrupts.Dispose();
            Registers.Dispose();
            Page.Dispose();
            Memory.Dispose();
        }
    }
}
