using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Actors.Agent;

/// <summary>
/// End B of the pair whose end A is a socket of an application: A's readiness is what B makes it, and B's hang-up is the truth about
/// "the application has closed it". Owned by the agent.
/// </summary>
internal sealed class EndPair(UnixSocket end, int slot, ulong connectionId, ulong tovmIncarnation, Action<EndPair> onHangUp) : IEventSource
{
    public int Descriptor { get; } = end.Descriptor;

    public UnixSocket End { get; } = end;

    public int Slot { get; } = slot;

    public ulong ConnectionId { get; } = connectionId;

    /// <summary>The TOVM's word of being there when A was made: the connection lives as long as that one does.</summary>
    public ulong TovmIncarnation { get; } = tovmIncarnation;

    /// <summary>State that A was last brought in line with.</summary>
    public uint SeenStatus { get; set; }

    /// <summary>A has been told that nothing more will come.</summary>
    public bool ToldEnd { get; set; }

    public void OnReady(uint events)
    {
        if ((events & (EventMask.HangUp | EventMask.Error)) != 0)
            onHangUp(this);
    }

    /// <summary>Makes A readable.</summary>
    public void Signal() => _ = End.TrySend([1]);

    /// <summary>Makes A writable again: takes out what fills it.</summary>
    public void Drain()
    {
        Span<byte> filler = stackalloc byte[64];
        while (End.TryReceive(filler, [], out _) > 0)
        {
        }
    }
}
