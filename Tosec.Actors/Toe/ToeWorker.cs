using Akka.Actor;
using Tosec.Actors.Chains;
using Tosec.Actors.Lanes;
using Tosec.Actors.Streams;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Actors.Toe;

/// <summary>
/// The TOE's side of one guest's lanes (paper section 3): RPC server, source of the stream tables, owner of the stream slots. Worker's
/// thread; one worker, one epoll set, one guest.
/// </summary>
internal sealed partial class ToeWorker : ILaneSink, ITicker, IPoller
{
    private readonly ToeContext _toe;
    private readonly RunGatherer _gatherer;
    private readonly StreamSpawner _spawner;
    private readonly Stack<RpcCall> _calls = new();
    private readonly IReadOnlyList<PartyIdentity> _parties;
    private readonly PartyWatch _watch;
    private List<ToeSocket> _readOn = [];
    private List<ToeSocket> _turn = [];
    private readonly List<ToeSocket> _readOnTick = [];

    public ToeWorker(ToeContext toe, ActorCell supervisor)
    {
        _toe = toe;
        _gatherer = new RunGatherer(toe.Dispatcher);
        _spawner = new StreamSpawner(supervisor, toe.Dispatcher);
        _table = new ToeSocket?[toe.Port.Memory.Geometry.Streams];
        _parties = toe.Port.Memory.Parties();
        _watch = new PartyWatch(toe.Port.Memory);
        PartyNames = new string[Party.Count];
        Array.Fill(PartyNames, "?");
        foreach (var party in _parties)
            PartyNames[party.Number] = party.Name;
        for (var slot = _table.Length - 1; slot >= 0; slot--)
            _freeSlots.Push(slot);
        CleanUpAfterPredecessor();
    }

    /// <summary>Whether a run is of this worker's making.</summary>
    public bool Made(DescriptorRun run) => ReferenceEquals(run.Pool, _gatherer.Pool);

    /// <summary>Whether a call is of this worker's making.</summary>
    public bool Made(RpcCall call) => ReferenceEquals(call.Pool, _calls);

    /// <summary>Gives back what a run holds that reached no socket.</summary>
    public void Reclaim(DescriptorRun run)
    {
        for (var i = 0; i < run.Count; i++)
            GiveBack(run[i]);
        run.Release();
    }

    /// <summary>Names by party number.</summary>
    public string[] PartyNames { get; }

    /// <summary>Slots in use.</summary>
    public int Sockets => _table.Length - _freeSlots.Count;

    public long[] Violations { get; } = new long[Enum.GetValues<Violation>().Length];

    /// <summary>The parties that a chain's payloads pass, from the guest outwards, us last; null: one is missing and the chain blocks.</summary>
    public byte[]? Resolve(ChainDefinition chain)
    {
        var path = ChainPath.Resolve(chain, _parties, _toe.Port.IsAlive);
        foreach (var party in path ?? [])
            _watch.Know(party);
        return path;
    }

    /// <summary>Looks at a socket again in the next round: its turn was over.</summary>
    public void ReadOnNextRound(ToeSocket socket) => _readOn.Add(socket);

    /// <summary>Looks at a socket again with the next tick: descriptors of the process have run out.</summary>
    public void ReadOnNextTick(ToeSocket socket) => _readOnTick.Add(socket);

    /// <summary>The receive pool is exhausted: takes back what can be, and tries this stream again with the next tick.</summary>
    public void WaitForReceiveBuffer(int slot)
    {
        if (_table[slot] is { } socket)
            _readOnTick.Add(socket);
    }

    public IEnumerable<ToeSocket> All() => _table.Where(s => s is not null)!;

    public IntakeResult OnChannel(int channel, in Descriptor descriptor)
    {
        switch (descriptor.Opcode)
        {
            case Opcode.Payload or Opcode.Fin:
                return OnGuestPayload(channel, descriptor);
            case Opcode.Rpc:
                OnRpc(channel, descriptor);
                break;
            case Opcode.Credit:
                if (descriptor.Slot < _table.Length && _table[descriptor.Slot] is { } starved)
                    starved.Tell(ToeProtocol.Resume);
                break;
            case Opcode.Close when channel == 0:
                OnGuestClose(descriptor);
                break;
            default:
                Count(Violation.UnknownOpcode);
                break;
        }

        return IntakeResult.Taken;
    }

    public void OnParty(int party, in Descriptor descriptor)
    {
        var socket = Find(descriptor.Slot, descriptor.StreamId);
        switch (descriptor.Opcode)
        {
            case Opcode.Payload or Opcode.Fin or Opcode.Reset:
                OnStream(party, socket, descriptor);
                break;
            case Opcode.Block when socket is not null:
                _gatherer.Flush();
                socket.Tell(new ToeProtocol.Block(descriptor));
                break;
            case Opcode.Removed or Opcode.AnswerRoom when socket is not null:
                _gatherer.Flush();
                socket.Tell(new ToeProtocol.Edit(party, descriptor));
                break;
            case Opcode.StreamClosed when socket is not null:
                socket.Tell(ToeProtocol.SvmsClosed);
                break;
        }
    }

    public void OnCorruptChannel(int channel) => Count(Violation.BadSequence);

    public void OnRoundEnd()
    {
        _gatherer.Flush();
        if (_toe.FreedSealed)
        {
            _toe.FreedSealed = false;
            _toe.Port.AnnounceFreeBuffers();
        }
    }

    public bool Poll()
    {
        if (_readOn.Count == 0)
            return false;
        // A socket whose turn is over again waits for the next round, in the other list.
        (_turn, _readOn) = (_readOn, _turn);
        foreach (var socket in _turn)
            socket.Tell(ToeProtocol.ReadOn);
        _turn.Clear();
        _toe.Port.FlushRings();
        return true;
    }

    public void PrepareSleep()
    {
        // Nothing of ours is rung for; the port does that.
    }

    public bool HasWork() => _readOn.Count > 0;

    public void EndSleep()
    {
    }

    public void OnTick(long nowMilliseconds)
    {
        _toe.Port.Beat();
        _toe.Port.RetryStalled();
        WatchGuest();
        for (var p = Party.FirstSvm; p < Party.Count; p++)
            WatchParty(p);
        foreach (var socket in _table)
        {
            if (socket is null)
                continue;
            socket.Sweep();
            if (socket.NeedsTicks)
                socket.Tell(ToeProtocol.Tick);
        }

        var again = _readOnTick.ToArray();
        _readOnTick.Clear();
        foreach (var socket in again)
            socket.Tell(ToeProtocol.Resume);
        OnRoundEnd();
        _toe.Port.FlushRings();
    }

    private IntakeResult OnGuestPayload(int channel, in Descriptor descriptor)
    {
        if (Find(descriptor.Slot, descriptor.StreamId) is not { Entry: { } entry, Actor: not null } socket || (descriptor.StreamId & 1) != 0)
        {
            // Also the ordinary fate of what a process sends after its connection was ended.
            Count(Violation.UnknownStream);
            return IntakeResult.Taken;
        }

        var result = _toe.Intake.Take(channel, descriptor, entry, _gatherer, out var violation);
        if (violation != Violation.None)
        {
            Count(violation);
            _gatherer.Flush();
            socket.Tell(new StreamProtocol.Fail($"guest broke the rules: {violation}", Errno.EPROTO));
        }

        return result;
    }

    private void OnRpc(int channel, in Descriptor descriptor)
    {
        _toe.Counters.Requests++;
        if (!_calls.TryPop(out var call))
            call = new RpcCall(_toe.Port, _calls);
        if (!call.TryLoad(channel, descriptor))
        {
            _calls.Push(call);
            Count(Violation.BadRequest);
            return;
        }

        if (call.Method == RpcMethod.Socket)
        {
            OnSocket(call);
            return;
        }

        if (call.Slot < 0 || call.Slot >= _table.Length || _table[call.Slot] is not { } socket)
            call.Answer(-Errno.EBADF);
        else
            socket.Tell(call);
    }

    private void OnSocket(RpcCall call)
    {
        if (!call.TryRead<RpcSocket>(out var request) || request.Family is not (4 or 6))
        {
            call.Answer(-Errno.EAFNOSUPPORT);
            return;
        }

        if (request.Type != 1)
        {
            call.Answer(-Errno.EPROTONOSUPPORT);
            return;
        }

        var kernel = KernelSocket.Create(request.Family == 6, out var errno);
        if (kernel is null)
        {
            call.Answer(-errno);
            return;
        }

        var socket = Make(request.Family == 6);
        if (socket is null)
        {
            kernel.Dispose();
            call.Answer(-Errno.EMFILE);
            return;
        }

        socket.Own(kernel);
        // Until the agent holds the other end of the pair, the slot hangs on the life of the process that asked.
        _toe.Port.Memory.Cursor(socket.Slot).Channel = (uint)call.Channel;
        Volatile.Write(ref _toe.State(socket.Slot).Status, (uint)StreamStatus.Created);
        call.Answer(socket.Slot, socket.ConnectionId);
    }

    private void OnStream(int party, ToeSocket? socket, in Descriptor descriptor)
    {
        if (socket is not { Entry: { } entry, Actor: not null })
        {
            GiveBack(descriptor);
            return;
        }

        var half = entry.Outgoing;
        if ((descriptor.StreamId & 1) != 0 || half.Previous != party || descriptor.Sequence != half.ExpectedSequence)
        {
            Count(Violation.BadSequence);
            GiveBack(descriptor);
            _gatherer.Flush();
            socket.Tell(new StreamProtocol.Fail($"party {party} lost its place", Errno.ECONNRESET));
            return;
        }

        if (descriptor.Opcode == Opcode.Payload)
            half.ExpectedSequence++;
        _gatherer.Add(entry, descriptor);
    }

    private void GiveBack(in Descriptor descriptor)
    {
        if (descriptor.Opcode == Opcode.Payload && _toe.Port.Memory.SealedPool.TryFind(descriptor.Offset, descriptor.Length, out var index)
            && _toe.Port.Memory.SealedPool.TryReturn(index, descriptor.Generation, Party.Tovm))
            _toe.FreedSealed = true;
    }

    // An SVM that is gone, or has started again, knows nothing of the connections that pass it, and its buffers are nobody's.
    private void WatchParty(int party)
    {
        if (!_watch.IsGone(party, out var isBack))
            return;
        _toe.Port.DropOverflow(party);
        var gone = new ToeProtocol.PartyGone(party);
        foreach (var socket in All().ToArray())
            socket.Tell(gone);
        if (!isBack)
        {
            _toe.Port.Memory.SealedPool.Reclaim(party);
            _toe.Port.Memory.ReceivePool.Reclaim(party);
        }
    }

    // The guest itself is gone, and nobody is left to close what it had open. The host says so, where the guest cannot write.
    private void WatchGuest()
    {
        if (!_watch.IsGone(Party.Guest, out _))
            return;
        foreach (var socket in All().ToArray())
        {
            socket.Tell(new StreamProtocol.Fail("the guest is gone", Errno.ECONNRESET));
            socket.Tell(ToeProtocol.GuestClosed);
        }

        foreach (var slot in _orphans)
            FreeOrphan(slot);

        _orphans.Clear();
    }

    private void Count(Violation violation)
    {
        Violations[(int)violation]++;
        _toe.Port.Counters.Violations++;
    }
}
