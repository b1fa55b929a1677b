using System.Text;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Mapping;

/// <summary>
/// One mapped segment whose header has been checked. Opening one is parsing hostile input: each field is read once, checked against
/// the length that the kernel tells, and only the checked copy is used.
/// </summary>
public sealed unsafe class Segment : IDisposable
{
    private readonly MappedMemory _memory;

    private Segment(MappedMemory memory, SegmentKind kind, GuestGeometry geometry, GuestIdentity guest, ulong epoch, uint parties)
    {
        _memory = memory;
        Kind = kind;
        Geometry = geometry;
        Guest = guest;
        Epoch = epoch;
        Parties = parties;
    }

    public SegmentKind Kind { get; }

    public GuestGeometry Geometry { get; }

    public GuestIdentity Guest { get; }

    /// <summary>The same in the three segments of one guest; another one after they were made anew.</summary>
    public ulong Epoch { get; }

    /// <summary>Bit p: party p may attach.</summary>
    public uint Parties { get; }

    /// <summary>First byte of the mapping. Offsets of <see cref="GuestGeometry"/> count from here.</summary>
    internal byte* Base => _memory.Address;

    /// <summary>Length of the mapping in bytes.</summary>
    public long Length => _memory.Length;

    /// <summary>Makes a segment: anonymous memory, its header filled, its magic stored last.</summary>
    /// <returns>The descriptor, owned by the caller.</returns>
    internal static MemoryDescriptor Create(SegmentKind kind, GuestGeometry geometry, GuestIdentity guest, ulong epoch,
        IReadOnlyList<PartyIdentity> parties)
    {
        var length = geometry.SegmentBytes(kind);
        var descriptor = MemoryDescriptor.Create($"tosec-{guest.Name}-{kind}".ToLowerInvariant(), length);
        try
        {
            using var memory = MappedMemory.Map(descriptor, length, writable: true);
            ref var header = ref *(SegmentHeader*)memory.Address;
            header.LayoutVersion = SegmentHeader.CurrentVersion;
            header.Kind = (uint)kind;
            header.TotalBytes = (ulong)length;
            header.Epoch = epoch;
            header.GuestNumber = (uint)guest.Number;
            header.HostNumber = (uint)guest.HostNumber;
            header.Channels = (uint)geometry.Channels;
            header.Streams = (uint)geometry.Streams;
            header.SendSmall = (uint)geometry.SendSmall;
            header.SendLarge = (uint)geometry.SendLarge;
            header.SealedSmall = (uint)geometry.SealedSmall;
            header.SealedLarge = (uint)geometry.SealedLarge;
            header.ReceiveSmall = (uint)geometry.ReceiveSmall;
            header.ReceiveLarge = (uint)geometry.ReceiveLarge;
            header.Vectors = (uint)geometry.Channels;
            header.Parties = parties.Aggregate(0u, (mask, party) => mask | 1u << party.Number);
            FixedText.Write(new Span<byte>(memory.Address + 80, SegmentHeader.NameBytes), guest.Name);
            if (kind == SegmentKind.Core)
            {
                foreach (var party in parties)
                {
                    var record = memory.Address + GuestGeometry.CorePartyRecord(party.Number);
                    FixedText.Write(new Span<byte>(record, PartyRecord.NameBytes), party.Name);
                    FixedText.Write(new Span<byte>(record + PartyRecord.NameBytes, PartyRecord.NameBytes), party.Type);
                }
            }

            Volatile.Write(ref header.Magic, SegmentHeader.ExpectedMagic);
            return descriptor;
        }
        catch
        {
            descriptor.Dispose();
            throw;
        }
    }

    /// <summary>Maps and checks a segment.</summary>
    /// <param name="descriptor">Stays the caller's; may be closed afterwards.</param>
    /// <param name="kind">What the caller expects it to be.</param>
    /// <param name="writable">Whether to map it for writing.</param>
    /// <param name="trusted">
    /// The geometry to use in place of the header's where the guest can write the header (edge); null to take the header's.
    /// </param>
    /// <exception cref="SegmentException">It is not such a segment.</exception>
    public static Segment Open(MemoryDescriptor descriptor, SegmentKind kind, bool writable, Segment? trusted = null)
    {
        var name = kind.ToString().ToLowerInvariant();
        var length = descriptor.Length;
        if (length < GuestGeometry.Page)
            throw new SegmentException(name, "length", $"at least {GuestGeometry.Page} bytes", length.ToString());
        var memory = MappedMemory.Map(descriptor, length, writable);
        try
        {
            var magic = Volatile.Read(ref ((SegmentHeader*)memory.Address)->Magic);
            if (magic != SegmentHeader.ExpectedMagic)
                throw new SegmentException(name, "magic", $"0x{SegmentHeader.ExpectedMagic:x}", $"0x{magic:x}");
            var header = *(SegmentHeader*)memory.Address;
            if (header.LayoutVersion >> 16 != SegmentHeader.CurrentVersion >> 16)
                throw new SegmentException(name, "layout version", $"{SegmentHeader.CurrentVersion >> 16}.x",
                    $"{header.LayoutVersion >> 16}.{header.LayoutVersion & 0xffff}");
            if (header.Kind != (uint)kind)
                throw new SegmentException(name, "kind", kind.ToString(), header.Kind.ToString());
            var geometry = trusted?.Geometry ?? GuestGeometry.TryFrom(header)
                ?? throw new SegmentException(name, "geometry", "counts within their limits", "one that is not");
            if (trusted is not null && header.Epoch != trusted.Epoch)
                throw new SegmentException(name, "epoch", $"0x{trusted.Epoch:x}", $"0x{header.Epoch:x}");
            if (length != geometry.SegmentBytes(kind))
                throw new SegmentException(name, "length", $"{geometry.SegmentBytes(kind)} bytes", $"{length} bytes");
            if (header.TotalBytes != (ulong)length)
                throw new SegmentException(name, "total bytes", length.ToString(), header.TotalBytes.ToString());
            var guest = trusted?.Guest ?? new GuestIdentity(
                FixedText.Read(new ReadOnlySpan<byte>(header.GuestName, SegmentHeader.NameBytes)),
                (int)(header.GuestNumber & 0x7fffffff), (int)(header.HostNumber & 0xffff));
            return new Segment(memory, kind, geometry, guest, trusted?.Epoch ?? header.Epoch, trusted?.Parties ?? header.Parties);
        }
        catch
        {
            memory.Dispose();
            throw;
        }
    }

    public void Dispose() => _memory.Dispose();
}

/// <summary>Text in a fixed, zero padded field.</summary>
internal static class FixedText
{
    /// <exception cref="ArgumentException">It does not fit with its terminating zero.</exception>
    internal static void Write(Span<byte> field, string text)
    {
        if (Encoding.UTF8.GetByteCount(text) >= field.Length)
            throw new ArgumentException($"\"{text}\" is longer than {field.Length - 1} bytes", nameof(text));
        field.Clear();
        Encoding.UTF8.GetBytes(text, field);
    }

    internal static string Read(ReadOnlySpan<byte> field)
    {
        var end = field.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? field : field[..end]);
    }
}
