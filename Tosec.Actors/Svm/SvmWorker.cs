using Akka.Actor;
using Tosec.Actors.Lanes;
using Tosec.Actors.Streams;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Actors.Svm;

/// <summary>
/// An SVM's side of one guest's lanes: looks descriptors up in the stream table, checks that they come from the expected previous hop,
/// and hands them to their stream actors. Worker's thread.
/// </summary>
internal sealed class SvmWorker : ILaneSink, ITicker
{
    private readonly SvmContext _svm;
    private readonly WorkerDispatcher _dispatcher;
    private readonly RunGatherer _gatherer;
    private readonly StreamEntry?[] _table;
    private readonly StreamSpawner _spawner;
    private ulong _tovmIncarnation;

    public SvmWorker(SvmContext svm, WorkerDispatcher dispatcher, ActorCell supervisor)
    {
        _svm = svm;
        _dispatcher = dispatcher;
        _spawner = new StreamSpawner(supervisor, dispatcher);
        _gatherer = new RunGatherer(dispatcher);
        _table = new StreamEntry?[svm.Port.Memory.Geometry.Streams];
    }

    /// <summary>Whether a run is of this worker's making.</summary>
    public bool Made(DescriptorRun run) => ReferenceEquals(run.Pool, _gatherer.Pool);

    /// <summary>Gives back what a run holds that reached no stream.</summary>
    public void Reclaim(DescriptorRun run)
    {
        for (var i = 0; i < run.Count; i++)
            GiveBack(run[i]);
        run.Release();
    }

    /// <summary>Connections in the table.</summary>
    public int Streams { get; private set; }

    public StreamReport[] Describe() => [.. _table.Select(entry => entry?.Describe?.Invoke()).OfType<StreamReport>()];

    public long[] Violations { get; } = new long[Enum.GetValues<Violation>().Length];

    /// <summary>A stream actor has stopped; if that was its own failure, the TOVM has to hear of it.</summary>
    public void Removed(StreamEntry entry)
    {
        if (!ReferenceEquals(_table[entry.Slot], entry))
            return;
        _table[entry.Slot] = null;
        Streams--;
        _svm.Port.Send(Party.Tovm, new Descriptor { Opcode = Opcode.Block, Code = 104, Slot = (uint)entry.Slot, StreamId = entry.ConnectionId });
    }

    public IntakeResult OnChannel(int channel, in Descriptor descriptor)
    {
        if (descriptor.Opcode is not (Opcode.Payload or Opcode.Fin))
        {
            Count(Violation.UnknownOpcode);
            return IntakeResult.Taken;
        }

        var entry = Find(descriptor.Slot, descriptor.StreamId) ?? TakeUp(descriptor);
        if (entry is null || (descriptor.StreamId & 1) != 0)
        {
            // Also the ordinary fate of what a process sends after its connection was ended.
            Count(Violation.UnknownStream);
            return IntakeResult.Taken;
        }

        var result = _svm.Intake.Take(channel, descriptor, entry, _gatherer, out var violation);
        if (violation != Violation.None)
        {
            Count(violation);
            _gatherer.Flush();
            End(entry, $"guest broke the rules: {violation}");
        }

        return result;
    }

    public void OnParty(int party, in Descriptor descriptor)
    {
        switch (descriptor.Opcode)
        {
            case Opcode.Payload or Opcode.Fin or Opcode.Reset:
                OnStream(party, descriptor);
                break;
            case Opcode.AnswerRoom when party == Party.Tovm:
                if (Find(descriptor.Slot, descriptor.StreamId) is { } asking)
                    _gatherer.Add(asking, descriptor);
                break;
            case Opcode.StreamOpen when party == Party.Tovm:
                if (Find(descriptor.Slot, descriptor.StreamId) is null)
                    TakeUp(descriptor);
                break;
            case Opcode.StreamClose:
                OnClose(descriptor);
                break;
        }
    }

    public void OnCorruptChannel(int channel) => Count(Violation.BadSequence);

    public void OnRoundEnd() => _gatherer.Flush();

    public void OnTick(long nowMilliseconds)
    {
        _svm.Port.Beat();
        // Streams that ended here, and at other SVMs, have given buffers back without a word.
        _svm.Port.RetryStalled();
        var tovm = Volatile.Read(ref _svm.Port.Memory.CoreParty(Party.Tovm).Incarnation);
        if (tovm != _tovmIncarnation)
        {
            // A TOVM that starts again knows none of the connections of the one before.
            _tovmIncarnation = tovm;
            foreach (var entry in _table)
            {
                if (entry is not null)
                    Forget(entry);
            }
        }

        for (var p = Party.Tovm; p < Party.Count; p++)
        {
            // Its connections end, and the TOVM takes back what it owned.
            if (!_svm.Port.IsAlive(p))
                _svm.Port.DropOverflow(p);
        }

        if (_svm.Holding.Count == 0)
            return;
        var tick = new StreamProtocol.HoldTick(nowMilliseconds);
        foreach (var entry in _svm.Holding.ToArray())
            _dispatcher.Deliver(entry.Actor!, tick);
        _svm.Port.FlushRings();
    }

    private void OnStream(int party, in Descriptor descriptor)
    {
        var entry = Find(descriptor.Slot, descriptor.StreamId) ?? TakeUp(descriptor);
        if (entry is null)
        {
            _svm.Counters.UnknownStreams++;
            GiveBack(descriptor);
            return;
        }

        var half = descriptor.StreamId == entry.Outgoing.StreamId ? entry.Outgoing : entry.Incoming;
        if (half.Previous != party || descriptor.Sequence != half.ExpectedSequence)
        {
            Count(half.Previous != party ? Violation.NotFirstHop : Violation.BadSequence);
            GiveBack(descriptor);
            _gatherer.Flush();
            End(entry, $"party {party} is not the previous hop, or lost its place");
            return;
        }

        if (descriptor.Opcode == Opcode.Payload)
            half.ExpectedSequence++;
        _gatherer.Add(entry, descriptor);
    }

    /// <summary>
    /// Puts a connection into the table from the TOVM's record. The record is written before the connection is announced to anybody, so
    /// it is there even when a payload on another lane overtakes the announcement.
    /// </summary>
    private unsafe StreamEntry? TakeUp(in Descriptor descriptor)
    {
        if (descriptor.Slot >= _table.Length)
            return null;
        var record = _svm.Port.Memory.Record((int)descriptor.Slot);
        var path = new ReadOnlySpan<byte>(record.Path, Math.Min((int)record.PathLength, Party.Count));
        if (record.ConnectionId == 0 || record.ConnectionId != (descriptor.StreamId & ~1ul) || record.Closing != 0
            || !path.Contains((byte)_svm.Port.Self))
            return null;
        _gatherer.Flush();
        if (_table[descriptor.Slot] is { } stale)
            Forget(stale);
        _tovmIncarnation = Volatile.Read(ref _svm.Port.Memory.CoreParty(Party.Tovm).Incarnation);
        var entry = new StreamEntry((int)descriptor.Slot, record.ConnectionId, _svm.Port.Self, path);
        _table[entry.Slot] = entry;
        Streams++;
        Spawn(entry, record);
        return entry;
    }

    // Apart, because a record whose bytes are pointed to cannot be captured.
    private void Spawn(StreamEntry entry, StreamRecord record) => entry.Actor =
        _spawner.Spawn(entry.ConnectionId, () => new SvmStreamActor(_svm, entry, record), new StreamProtocol.Ended(entry));

    private unsafe void OnClose(in Descriptor descriptor)
    {
        if (descriptor.Slot >= _table.Length)
            return;
        _gatherer.Flush();
        if (Find(descriptor.Slot, descriptor.StreamId) is { } entry)
            Forget(entry);
        // The record stands until the last of the path has answered; a connection we never knew is passed on all the same.
        var record = _svm.Port.Memory.Record((int)descriptor.Slot);
        var path = new ReadOnlySpan<byte>(record.Path, Math.Min((int)record.PathLength, Party.Count));
        var next = path.IndexOf((byte)_svm.Port.Self) - 1;
        while (next >= 0 && !_svm.Port.IsAlive(path[next]))
            next--;
        next = next < 0 ? -1 : path[next];

        var forward = descriptor;
        if (!Party.IsSvm(next))
            forward.Opcode = Opcode.StreamClosed;
        _svm.Port.Send(Party.IsSvm(next) ? next : Party.Tovm, forward);
    }

    private void End(StreamEntry entry, string reason) =>
        _dispatcher.Deliver(entry.Actor!, new StreamProtocol.Fail(reason, 104));

    private void Forget(StreamEntry entry)
    {
        _table[entry.Slot] = null;
        Streams--;
        _dispatcher.Deliver(entry.Actor!, StreamProtocol.Close.Instance);
    }

    private StreamEntry? Find(uint slot, ulong streamId) =>
        slot < _table.Length && _table[slot] is { } entry && entry.DirectionOf(streamId) is not null ? entry : null;

    private void GiveBack(in Descriptor descriptor)
    {
        if (descriptor.Opcode != Opcode.Payload)
            return;
        SharedPool pool = (descriptor.StreamId & 1) == 0 ? _svm.Port.Memory.SealedPool : _svm.Port.Memory.ReceivePool;
        if (pool.TryFind(descriptor.Offset, descriptor.Length, out var index))
            pool.TryReturn(index, descriptor.Generation, _svm.Port.Self);
    }

    private void Count(Violation violation)
    {
        Violations[(int)violation]++;
        _svm.Port.Counters.Violations++;
    }
}
