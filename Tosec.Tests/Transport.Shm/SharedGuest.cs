using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.Transport.Shm;

/// <summary>The memory of a small guest, without anybody who serves it.</summary>
internal sealed class SharedGuest : IDisposable
{
    private static int _lastNumber;

    public SharedGuest(GuestGeometry? geometry = null)
    {
        Geometry = geometry ?? Small;
        Identity = new GuestIdentity($"g{Interlocked.Increment(ref _lastNumber)}-{Environment.ProcessId}", 7, 300);
        (Edge, Receive, Core) = GuestMemory.Create(Geometry, Identity, Parties);
    }

    public static GuestGeometry Small { get; } = new()
    {
        Channels = 3,
        Streams = 64,
        SendSmall = 4,
        SendLarge = 2,
        SealedSmall = 70,
        SealedLarge = 5,
        ReceiveSmall = 9,
        ReceiveLarge = 3,
    };

    public static IReadOnlyList<PartyIdentity> Parties { get; } =
        [new(Party.Guest, "guest-node", "guest"), new(Party.Tovm, "tovm-node", "tovm"), new(2, "waf-node", "waf"), new(4, "ips-node", "ips")];

    public GuestGeometry Geometry { get; }

    public GuestIdentity Identity { get; }

    public MemoryDescriptor Edge { get; }

    public MemoryDescriptor Receive { get; }

    public MemoryDescriptor Core { get; }

    public MemoryDescriptor this[SegmentKind kind] => kind switch
    {
        SegmentKind.Edge => Edge,
        SegmentKind.Receive => Receive,
        _ => Core,
    };

    public GuestMemory OpenTrusted() => GuestMemory.OpenTrusted(Edge, Receive, Core);

    public GuestMemory OpenGuest()
    {
        using var readOnly = Receive.OpenReadOnly();
        return GuestMemory.OpenGuest(Edge, readOnly);
    }

    public void Dispose()
    {
        Edge.Dispose();
        Receive.Dispose();
        Core.Dispose();
    }
}
