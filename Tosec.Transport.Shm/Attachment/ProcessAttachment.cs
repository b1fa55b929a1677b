using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>Attachment of a process on the host: it connects to the host node's sockets and is given descriptors.</summary>
public sealed class ProcessAttachment : IGuestAttachment
{
    private readonly IvshmemClient _edge;
    private readonly IvshmemClient _receive;
    private readonly IvshmemClient? _core;
    private readonly EventFd[] _doorbells;

    private ProcessAttachment(IvshmemClient edge, IvshmemClient receive, IvshmemClient? core)
    {
        _edge = edge;
        _receive = receive;
        _core = core;
        _doorbells = [.. edge.Own, .. core?.Own ?? []];
        Memory = core is null
            ? GuestMemory.OpenGuest(edge.Memory, receive.Memory)
            : GuestMemory.OpenTrusted(edge.Memory, receive.Memory, core.Memory);
    }

    public int Party => _edge.Number.Party;

    public GuestMemory Memory { get; }

    IReadOnlyList<EventFd> IGuestAttachment.Doorbells => _doorbells;

    (MemoryDescriptor Edge, MemoryDescriptor Receive) IGuestAttachment.Descriptors => (_edge.Memory, _receive.Memory);

    RegisterDoorbell? IGuestAttachment.Registers => null;

    int IGuestAttachment.HostDescriptor => _edge.Socket.Descriptor;

    /// <summary>Connects to all segments that the node may have.</summary>
    /// <param name="runDirectory">Where the host node keeps its sockets.</param>
    /// <param name="guest">Whose memory.</param>
    /// <param name="node">Our name on the links.</param>
    /// <param name="trusted">Whether to attach to the core segment: everybody but the guest.</param>
    /// <exception cref="NativeFailure">The host node does not run, or does not know this node.</exception>
    /// <exception cref="SegmentException">What the host node gave is not a guest's memory.</exception>
    public static ProcessAttachment Connect(string runDirectory, string guest, string node, bool trusted)
    {
        var links = new List<IvshmemClient>(3);
        try
        {
            links.Add(IvshmemClient.Connect(LinkPath.Socket(runDirectory, guest, SegmentKind.Receive, node), vectors: 1));
            var vectors = 1;
            if (!trusted)
            {
                using var segment = Segment.Open(links[0].Memory, SegmentKind.Receive, writable: false);
                vectors = segment.Geometry.Channels;
            }

            links.Add(IvshmemClient.Connect(LinkPath.Socket(runDirectory, guest, SegmentKind.Edge, node), vectors));
            if (trusted)
                links.Add(IvshmemClient.Connect(LinkPath.Socket(runDirectory, guest, SegmentKind.Core, node), vectors: 1));
            if (links.Any(l => l.Number.Party != links[0].Number.Party || l.Number.Guest != links[0].Number.Guest))
                throw new IOException($"the host node gives {node} different places on the links of {guest}");
            return new ProcessAttachment(links[1], links[0], trusted ? links[2] : null);
        }
        catch
        {
            links.ForEach(l => l.Dispose());
            throw;
        }
    }

    public bool Exists(int party) => _edge.Of(_edge.Number.Of(party)).Count > 0;

    public void RingEdge(int party, int vector)
    {
        var bells = _edge.Of(_edge.Number.Of(party));
        if (vector < bells.Count)
            bells[vector].Ring();
    }

    public void RingCore(int party)
    {
        var bells = _core!.Of(_core.Number.Of(party));
        if (bells.Count > 0)
            bells[0].Ring();
    }

    EventFd? IGuestAttachment.EdgeDoorbell(int party, int vector)
    {
        var bells = _edge.Of(_edge.Number.Of(party));
        return vector < bells.Count ? bells[vector] : null;
    }

    public void Dispose()
    {
        Memory.Dispose();
        _edge.Dispose();
        _receive.Dispose();
        _core?.Dispose();
    }
}
