using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>The PCI devices that are the segments of one guest for one node.</summary>
/// <param name="Edge">With our number on its link.</param>
/// <param name="Receive">With or without a doorbell.</param>
/// <param name="Core">Null in a guest.</param>
internal sealed record PciSegments((PciDevice Device, LinkNumber Number) Edge, PciDevice Receive, (PciDevice Device, LinkNumber Number)? Core)
{
    /// <summary>
    /// Looks at all ivshmem devices. Names come from the segments' headers, and so does what a device without doorbell is; what a device
    /// with one is comes from its number on the link, with which the header has to agree: a guest can write into an edge's header that it
    /// is another's core, but not into the device.
    /// </summary>
    /// <exception cref="IOException">Some are not there (yet), or there are two of a kind; the message says what was found.</exception>
    public static PciSegments Find(string sysfs, string guest, string node, bool trusted)
    {
        var candidates = new List<Candidate>();
        var others = new List<string>();
        foreach (var device in PciDevice.Scan(sysfs))
        {
            if (Look(device, out var reason) is { } candidate)
                candidates.Add(candidate);
            else
                others.Add($"{device.Address}, which {reason}");
        }

        var own = candidates.Where(c => c.Header.Guest.Name == guest).ToArray();
        LinkNumber? number = trusted
            ? Single(own.Where(c => c.Number?.Segment == SegmentKind.Core && c.PartyName == node), $"core segment of {guest} with {node} as our name")?.Number
            : Single(own.Where(c => c.Number is { Segment: SegmentKind.Edge, Party: Party.Guest }), $"edge segment of {guest}")?.Number;
        var core = trusted ? number : null;
        var edge = own.FirstOrDefault(c => c.Number == Expected(SegmentKind.Edge));
        var receive = own.FirstOrDefault(c => c.Number == Expected(SegmentKind.Receive))
            ?? Single(own.Where(c => c.Number is null && c.Header.Guest.Number == number?.Guest), $"receive segment of {guest}");
        if (number is null || edge is null || receive is null)
        {
            List<string> missing = [];
            if (edge is null)
                missing.Add("edge");
            if (receive is null)
                missing.Add("receive");
            if (trusted && core is null)
                missing.Add($"core (with {node} among its parties)");
            throw new IOException($"of guest {guest}, no PCI device is the {string.Join(", ", missing)} segment; "
                + (candidates.Count + others.Count == 0 ? "there is no ivshmem device at all" : $"there are: {string.Join("; ", [.. candidates.Select(c => c.ToString()), .. others])}"));
        }

        return new PciSegments((edge.Device, edge.Number!.Value), receive.Device,
            core is { } there ? (own.First(c => c.Number == there).Device, there) : null);

        LinkNumber? Expected(SegmentKind kind) => number is { } n ? n with { Segment = kind } : null;
    }

    private static Candidate? Single(IEnumerable<Candidate> candidates, string what)
    {
        var all = candidates.ToArray();
        return all.Length < 2
            ? all.FirstOrDefault()
            : throw new IOException($"more than one PCI device is the {what}: {string.Join("; ", all.AsEnumerable())}");
    }

    private static Candidate? Look(PciDevice device, out string reason)
    {
        reason = "has no segment";
        try
        {
            device.Enable();
            using var memory = device.OpenMemory(writable: false);
            if (SegmentIdentity.TryRead(memory) is not { } header)
                return null;
            if (!device.HasDoorbell)
                return header.Kind == SegmentKind.Receive ? new Candidate(device, header, null, "") : null;
            using var page = device.OpenRegisters();
            using var registers = new IvshmemRegisters(page);
            var number = LinkNumber.From(registers.OwnNumber);
            if (number.Segment != header.Kind || number.Guest != header.Guest.Number)
            {
                reason = $"is the {number} by its own word, and by that of its memory another";
                return null;
            }

            return new Candidate(device, header, number, header.PartyNames.Count > number.Party ? header.PartyNames[number.Party] : "");
        }
        catch (Exception failure) when (failure is NativeFailure or IOException)
        {
            // It was unplugged while we looked, for example. Whether it is ours, and missed, turns out above.
            reason = "cannot be looked at: " + failure.Message;
            return null;
        }
    }

    /// <param name="Device">The device.</param>
    /// <param name="Header">What the segment says of itself.</param>
    /// <param name="Number">What the device says of it; null without doorbell.</param>
    /// <param name="PartyName">Our name, if the segment tells the parties' names.</param>
    private sealed record Candidate(PciDevice Device, SegmentIdentity Header, LinkNumber? Number, string PartyName)
    {
        public override string ToString() => $"{Device.Address} {Header.Kind.ToString().ToLowerInvariant()} of {Header.Guest.Name}"
            + (Number is { } n ? $" as party {n.Party}" : "") + (PartyName.Length > 0 ? $" ({PartyName})" : "");
    }
}
