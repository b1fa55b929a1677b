using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Mapping;

/// <summary>What a segment says of itself in its first page. Not checked against anything: an edge segment's is its guest's word.</summary>
/// <param name="Kind">Which of the three.</param>
/// <param name="Guest">Whose.</param>
/// <param name="PartyNames">By number; empty but in a core segment.</param>
internal sealed record SegmentIdentity(SegmentKind Kind, GuestIdentity Guest, IReadOnlyList<string> PartyNames)
{
    /// <returns>Null: no segment, or one of a layout that is not known here.</returns>
    public static unsafe SegmentIdentity? TryRead(MemoryDescriptor memory)
    {
        if (memory.Length < GuestGeometry.Page)
            return null;
        using var page = MappedMemory.Map(memory, GuestGeometry.Page, writable: false);
        if (Volatile.Read(ref ((SegmentHeader*)page.Address)->Magic) != SegmentHeader.ExpectedMagic)
            return null;
        var header = *(SegmentHeader*)page.Address;
        if (header.LayoutVersion >> 16 != SegmentHeader.CurrentVersion >> 16 || !Enum.IsDefined((SegmentKind)header.Kind))
            return null;
        var names = new string[header.Kind == (uint)SegmentKind.Core ? Party.Count : 0];
        for (var p = 0; p < names.Length; p++)
            names[p] = FixedText.Read(new ReadOnlySpan<byte>(page.Address + GuestGeometry.CorePartyRecord(p), PartyRecord.NameBytes));
        return new SegmentIdentity((SegmentKind)header.Kind, new GuestIdentity(
            FixedText.Read(new ReadOnlySpan<byte>(header.GuestName, SegmentHeader.NameBytes)), (int)(header.GuestNumber & 0x7fffffff),
            (int)(header.HostNumber & 0xffff)), names);
    }
}
