using Tosec.Actors.Lanes;
using Tosec.Actors.Streams;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <summary>What the sockets of one TOE worker share. Used on the worker's thread.</summary>
internal sealed class ToeContext(TrustedPort port, ChannelIntake intake, ToeSettings settings, WorkerDispatcher dispatcher)
{
    // One stream may hold this much of a pool at most, and is promised this much at least.
    private const long MaxWindow = 512 << 10;
    private const long MinWindow = 64 << 10;

    public TrustedPort Port { get; } = port;

    public ChannelIntake Intake { get; } = intake;

    public ToeSettings Settings { get; } = settings;

    /// <summary>127.0.0.1 and ::1 of the guest.</summary>
    public GuestLoopback Loopback { get; } = new(settings.Addresses);

    public WorkerDispatcher Dispatcher { get; } = dispatcher;

    public ToeCounters Counters { get; } = new();

    /// <summary>Set by the worker that owns the sockets.</summary>
    public ToeWorker Worker { get; set; } = null!;

    /// <summary>Connections that share the pools.</summary>
    public int Connected { get; set; }

    /// <summary>Whether sealed buffers came free since the last round's end.</summary>
    public bool FreedSealed { get; set; }

    /// <summary>Credit of one outgoing stream: its share of the pool, so that all of them together do not promise more than there is.</summary>
    public ulong SendWindow => Window(Port.Memory.SealedPool.Bytes);

    /// <summary>What one incoming stream may hold of the receive pool.</summary>
    public ulong ReceiveWindow => Window(Port.Memory.ReceivePool.Bytes);

    /// <summary>Tells the guest's TOE state of a slot; everything in it is written by this thread.</summary>
    public ref StreamState State(int slot) => ref Port.Memory.State(slot);

    private ulong Window(long bytes) => (ulong)Math.Clamp(bytes / 2 / Math.Max(1, Connected), MinWindow, MaxWindow);
}
