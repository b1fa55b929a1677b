using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>
/// A peer's id on a link (ivshmem's peer id, the IVPosition register of a device). The host gives it out, so in a VM it tells what a
/// guest cannot forge: which segment of which guest a device is, and which party we are there.
/// </summary>
/// <param name="Guest">Number of the guest on its host, 1 to <see cref="MaxGuest"/>.</param>
/// <param name="Segment">The segment that the link shares.</param>
/// <param name="Party">See <see cref="Layout.Party"/>.</param>
public readonly record struct LinkNumber(int Guest, SegmentKind Segment, int Party)
{
    /// <summary>ivshmem's ids have 16 bits: 11 for the guest, 2 for the segment, 3 for the party.</summary>
    public const int MaxGuest = (1 << 11) - 1;

    public int Value => Guest << 5 | (int)Segment << 3 | Party;

    /// <summary>What an id says; nonsense for one that no host of TOSEC gave.</summary>
    public static LinkNumber From(int value) => new(value >> 5 & MaxGuest, (SegmentKind)(value >> 3 & 3), value & 7);

    /// <summary>The same link's number of another party.</summary>
    public LinkNumber Of(int party) => this with { Party = party };

    public override string ToString() => $"{Segment.ToString().ToLowerInvariant()} of guest number {Guest}, party {Party}";
}
