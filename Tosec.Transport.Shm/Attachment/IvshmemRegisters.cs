using Tosec.Transport.Shm.Interop;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>
/// Registers of an ivshmem device, mapped (QEMU docs/specs/ivshmem-spec): who we are on the link, and the doorbell of all others.
/// </summary>
internal sealed unsafe class IvshmemRegisters : IDisposable
{
    /// <summary>BAR 0 has 256 bytes; a mapping has a page.</summary>
    public const int MappedBytes = 4096;

    private const int Position = 2;
    private const int Doorbell = 3;

    private readonly MappedMemory _memory;

    public IvshmemRegisters(MemoryDescriptor page) => _memory = MappedMemory.Map(page, MappedBytes, writable: true);

    /// <summary>Our number on the link; 0 on a device without doorbell.</summary>
    public int OwnNumber => (int)Volatile.Read(ref ((uint*)_memory.Address)[Position]) & 0xffff;

    /// <summary>Rings a peer; a peer or vector that is not there is ignored by the device. Any thread.</summary>
    public void Ring(LinkNumber peer, int vector) => Volatile.Write(ref ((uint*)_memory.Address)[Doorbell], (uint)(peer.Value << 16 | vector));

    public void Dispose() => _memory.Dispose();
}
