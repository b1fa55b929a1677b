using System.Net;
using System.Text;
using Akka.Actor;
using Tosec.Actors.Chains;
using Tosec.Actors.Inspection;
using Tosec.Actors.Streams;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <summary>
/// A socket of the guest's at the TOE: its kernel socket, and once it is connected the two streams. Everything on the worker's thread,
/// driven by its actor; only its end may outlive that. The slot is free again when the guest has closed it, what it sent is sent, and
/// every SVM has forgotten it.
/// </summary>
internal sealed partial class ToeSocket
{
    private const int DiscardBytes = 16 << 10;
    private const int DiscardsPerTurn = 16;

    private readonly ToeContext _toe;
    private readonly List<ToeSource> _listeners = [];
    private readonly List<IPEndPoint> _bound = [];
    private ToeSource? _source;
    private ChainDefinition? _chain;
    private SendSide? _send;
    private ReceiveSide? _receive;
    private IPEndPoint? _guestEndPoint;
    private IPEndPoint? _peerEndPoint;
    private StreamDirection _initiator;
    private bool _discarding;
    private bool _discarded;

    public ToeSocket(ToeContext toe, int slot, ulong connectionId, bool ipv6)
    {
        _toe = toe;
        Slot = slot;
        ConnectionId = connectionId;
        IsIPv6 = ipv6;
    }

    public int Slot { get; }

    public ulong ConnectionId { get; }

    public bool IsIPv6 { get; }

    /// <summary>Null again when it has failed or was stopped, and the slot is not free yet.</summary>
    public ActorCell? Actor { get; set; }

    /// <summary>The row of the stream table; null until connected.</summary>
    public StreamEntry? Entry { get; private set; }

    private ref StreamState State => ref _toe.State(Slot);

    private StreamStatus Status
    {
        get => (StreamStatus)State.Status;
        set => Volatile.Write(ref State.Status, (uint)value);
    }

    private KernelSocket? Socket => _source?.Socket;

    /// <summary>Watches a kernel socket of ours; it is this object's from here.</summary>
    public void Own(KernelSocket socket)
    {
        _source = new ToeSource(socket, _toe.Dispatcher) { Actor = Actor };
    }

    /// <summary>Makes the streams: tells the SVMs of the path, then the guest. From here payloads flow.</summary>
    public void Establish(ChainDefinition chain, byte[] path, StreamDirection initiator, IPEndPoint guest, IPEndPoint peer)
    {
        _chain = chain;
        _guestEndPoint = guest;
        _peerEndPoint = peer;
        var entry = new StreamEntry(Slot, ConnectionId, Party.Tovm, path) { Actor = Actor };
        WriteRecord(chain, path, initiator, guest, peer);
        ref var state = ref State;
        state.Local = SharedAddress.From(guest);
        state.Remote = SharedAddress.From(peer);
        state.FirstHop = path[0];
        _send = new SendSide(_toe, entry);
        _receive = new ReceiveSide(_toe, entry);
        _toe.Connected++;
        _send.Open();
        for (var i = path.Length - 2; i >= 0; i--)
        {
            _toe.Port.Send(path[i], new Descriptor { Opcode = Opcode.StreamOpen, Slot = (uint)Slot, StreamId = ConnectionId });
        }

        Entry = entry;
        Status = StreamStatus.Connected;
        _toe.Port.NotifyAgent(Slot);
    }

    /// <summary>Payloads and ends that came through the chain, in order.</summary>
    public void OnRun(DescriptorRun run)
    {
        var error = 0;
        for (var i = 0; i < run.Count; i++)
        {
            ref readonly var descriptor = ref run[i];
            var result = descriptor.Opcode switch
            {
                Opcode.Payload => _send!.Payload(Socket, descriptor),
                Opcode.Fin => OnFin(),
                _ => 0,
            };
            error = Math.Min(error, result);
            if (descriptor.Opcode == Opcode.Reset)
                Abort(descriptor.Code == 0 ? Errno.ECONNRESET : descriptor.Code);
        }

        if (error < 0)
            PeerIsGone(-error);
        AfterSending();
    }

    /// <summary>Gives back what a run holds that could not be handled.</summary>
    public void Reclaim(DescriptorRun run) => _toe.Worker.Reclaim(run);

    /// <summary>Kernel sockets of ours are ready.</summary>
    public void OnReady(ToeSource source)
    {
        var events = source.TakeEvents();
        if (_listeners.Contains(source))
        {
            Accept(source);
            return;
        }

        if (!ReferenceEquals(source, _source) || _released)
            return;
        if (Status == StreamStatus.Connecting)
        {
            OnConnected();
            return;
        }

        if ((events & EventMask.Writable) != 0 && _send is { Finished: false } && Socket is { } socket)
        {
            var error = _send.Flush(socket);
            if (error < 0)
                PeerIsGone(-error);
            AfterSending();
        }

        if ((events & (EventMask.Readable | EventMask.PeerClosed | EventMask.HangUp | EventMask.Error)) != 0)
            Read((events & ~(EventMask.Readable | EventMask.Writable)) != 0);
    }

    /// <summary>The guest has read on, or buffers have come free: receive where it was left.</summary>
    public void Resume()
    {
        if (_listeners.Count > 0)
        {
            foreach (var listener in _listeners)
                Accept(listener);
            return;
        }

        _receive?.Resume();
        Read(peerClosed: true);
    }

    /// <summary>Takes back receive buffers that the guest has read, so that an idle stream keeps none.</summary>
    public void Sweep() => _receive?.Reclaim();

    public StreamReport? Report()
    {
        if (_released)
            return null;
        var names = _toe.Worker.PartyNames;
        return new StreamReport(ConnectionId, _toe.Settings.Guest,
            _guestEndPoint?.ToString() ?? (_bound.Count > 0 ? string.Join(" ", _bound.Select(_toe.Loopback.ToGuest)) : "-"),
            _peerEndPoint?.ToString() ?? "-",
            Entry is null ? "-" : _initiator == StreamDirection.Outgoing ? "guest" : "peer",
            _aborted ? "aborted" : _draining ? "blocked" : _guestClosed ? "closing" : Status.ToString().ToLowerInvariant(),
            _chain?.Name ?? "-",
            Entry is null ? "-" : string.Join(" > ", Entry.Path.Select(p => names[p])),
            Entry?.Outgoing.Bytes ?? 0, Entry?.Incoming.Bytes ?? 0, 0);
    }

    private unsafe void WriteRecord(ChainDefinition chain, byte[] path, StreamDirection initiator, IPEndPoint guest, IPEndPoint peer)
    {
        _initiator = initiator;
        ref var record = ref _toe.Port.Memory.Record(Slot);
        record = default;
        record.Initiator = (byte)initiator;
        record.PathLength = (byte)path.Length;
        record.Sealed = 1;
        record.Bypass = chain.OnFailure == FailurePolicy.Bypass ? (byte)1 : (byte)0;
        for (var i = 0; i < path.Length; i++)
            record.Path[i] = path[i];
        record.Guest = SharedAddress.From(Plain(guest));
        record.Peer = SharedAddress.From(Plain(peer));
        record.OpenedAt = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        // More than half the credit held back, and the sender could not send what the engine waits for.
        record.HoldLimit = (uint)Math.Min(chain.HoldLimitBytes, (long)_toe.SendWindow / 2);
        record.HoldDeadline = (uint)chain.HoldDeadline.TotalMilliseconds;
        fixed (byte* name = record.ChainName)
            Encoding.UTF8.GetBytes(chain.Name.AsSpan(0, Math.Min(chain.Name.Length, StreamRecord.NameBytes - 1)), new Span<byte>(name, StreamRecord.NameBytes - 1));
        // Last, release: an SVM may look a stream up here before it reads the announcement.
        Volatile.Write(ref record.ConnectionId, ConnectionId);
    }

    // An IPv4 peer of an IPv6 socket is told to SVMs as what it is.
    private static IPEndPoint Plain(IPEndPoint endPoint) =>
        endPoint.Address.IsIPv4MappedToIPv6 ? new IPEndPoint(endPoint.Address.MapToIPv4(), endPoint.Port) : endPoint;

    private void Read(bool peerClosed)
    {
        if (Socket is not { } socket || _receive is not { } receive)
            return;
        if (_draining)
        {
            Drain(socket);
            return;
        }

        // After the guest's close nobody reads: the kernel keeps what comes, and answers it with a reset when we close.
        if (_guestClosed || _aborted)
            return;
        if (_discarding)
        {
            Discard(socket);
            return;
        }

        if (receive.Finished)
            return;
        if (receive.Read(socket, peerClosed))
            _toe.Worker.ReadOnNextRound(this);
        if (!receive.Failed)
            return;
        // A reset ends both ways. A writer that waits for credit wakes, and finds it in its ring.
        _send!.GiveUp();
        _send.ForgetCredit();
    }

    // The guest has shut its reading side down: the peer is not to be held up by that.
    private void Discard(KernelSocket socket)
    {
        Span<byte> ignored = stackalloc byte[DiscardBytes];
        for (var n = 0; n < DiscardsPerTurn; n++)
        {
            var received = socket.Receive(ignored);
            if (received > 0)
                continue;
            // Its end is nothing new, but after its reset nothing more can be sent.
            if (received is < 0 and not -Errno.EAGAIN && !_discarded)
            {
                PeerIsGone(-received);
                AfterSending();
            }

            _discarded |= received != -Errno.EAGAIN;
            return;
        }

        _toe.Worker.ReadOnNextRound(this);
    }

    /// <summary>Reads on after a turn that was too short.</summary>
    public void ReadOn() => Read(peerClosed: true);
}
