using System.Numerics;
using System.Security.Cryptography;
using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;
using Tosec.Transport.Shm.Rings;

namespace Tosec.Actors.Lanes;

/// <summary>
/// A trusted party's ends of all lanes of one guest's memory: drains those into it, fills those out of it, and rings who sleeps. One
/// worker's thread.
/// </summary>
internal sealed unsafe class TrustedPort : IPoller
{
    // A lane gives way to the next after this many descriptors, so that one busy channel does not starve the others.
    private const int Budget = 64;

    private readonly IGuestAttachment _attachment;
    private readonly ILaneSink _sink;
    private readonly LaneConsumer[] _channels;
    private readonly LaneProducer[] _replies;
    private readonly LaneConsumer[] _fromParties = new LaneConsumer[Party.Count];
    private readonly LaneProducer[] _toParties = new LaneProducer[Party.Count];
    private readonly Queue<Descriptor>[] _overflow = new Queue<Descriptor>[Party.Count];
    private readonly ulong[] _leftChannels = new ulong[EdgePartyState.PendingWords];
    private readonly ulong[] _stalledChannels = new ulong[EdgePartyState.PendingWords];
    private readonly ulong[] _ringChannels = new ulong[EdgePartyState.PendingWords];
    private ulong _leftParties;
    private uint _overflowing;
    private uint _ringParties;
    private bool _ringAgent;
    private bool _retryStalled;

    public TrustedPort(IGuestAttachment attachment, ILaneSink sink)
    {
        _attachment = attachment;
        _sink = sink;
        Memory = attachment.Memory;
        Self = attachment.Party;
        _channels = new LaneConsumer[Memory.Geometry.Channels];
        _replies = new LaneProducer[Memory.Geometry.Channels];
        for (var c = 0; c < _channels.Length; c++)
        {
            _channels[c] = Memory.EdgeConsumer(c, Self);
            _replies[c] = Memory.ReplyProducer(c);
            _leftChannels[c / 64] |= 1ul << (c % 64);
        }

        for (var p = Party.Tovm; p < Party.Count; p++)
        {
            _fromParties[p] = Memory.CoreConsumer(p, Self);
            _toParties[p] = Memory.CoreProducer(Self, p);
            _overflow[p] = new Queue<Descriptor>();
            _leftParties |= 1ul << p;
        }
    }

    public GuestMemory Memory { get; }

    /// <summary>Our party number.</summary>
    public int Self { get; }

    public PortCounters Counters { get; } = new();

    /// <summary>Says in shared memory that we live. Call once before polling.</summary>
    public void Announce()
    {
        var incarnation = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)) | 1;
        Volatile.Write(ref Memory.EdgeParty(Self).Incarnation, incarnation);
        Volatile.Write(ref Memory.CoreParty(Self).Incarnation, incarnation);
    }

    /// <summary>Says so again; several times a second.</summary>
    public void Beat()
    {
        Volatile.Write(ref Memory.EdgeParty(Self).Heartbeat, Memory.EdgeParty(Self).Heartbeat + 1);
        Volatile.Write(ref Memory.CoreParty(Self).Heartbeat, Memory.CoreParty(Self).Heartbeat + 1);
    }

    /// <summary>Says that we leave.</summary>
    public void Withdraw()
    {
        Volatile.Write(ref Memory.EdgeParty(Self).Incarnation, 0);
        Volatile.Write(ref Memory.CoreParty(Self).Incarnation, 0);
    }

    /// <summary>Whether a trusted party is there.</summary>
    public bool IsAlive(int party) => Volatile.Read(ref Memory.CoreParty(party).Incarnation) != 0;

    public bool Poll()
    {
        // Lanes of trusted parties first: stream tables travel on them, and what another lane brings next refers to those.
        var found = DrainParties();
        found |= DrainOverflow();
        ref var self = ref Memory.EdgeParty(Self);
        // Taken before the lanes are drained: draining them may ask for another round.
        var retryStalled = _retryStalled;
        _retryStalled = false;
        for (var w = 0; w < EdgePartyState.PendingWords && w * 64 < _channels.Length; w++)
        {
            var bits = _leftChannels[w];
            _leftChannels[w] = 0;
            if (Volatile.Read(ref self.Pending[w]) != 0)
                bits |= Interlocked.Exchange(ref self.Pending[w], 0);
            if (retryStalled)
                bits |= _stalledChannels[w];
            while (bits != 0)
            {
                var channel = w * 64 + BitOperations.TrailingZeroCount(bits);
                bits &= bits - 1;
                // The guest can set any bit; those beyond its channels mean nothing.
                if (channel < _channels.Length)
                    found |= DrainChannel(channel);
            }
        }

        _sink.OnRoundEnd();
        FlushRings();
        return found;
    }

    /// <summary>Reads what trusted parties have sent so far, before judging a stream that is not known.</summary>
    public bool DrainParties()
    {
        ref var self = ref Memory.CoreParty(Self);
        var bits = _leftParties;
        _leftParties = 0;
        if (Volatile.Read(ref self.Pending) != 0)
            bits |= Interlocked.Exchange(ref self.Pending, 0);
        // What a channel waits for comes from a trusted party: buffers that are free again (with an empty lane), or word of its stream.
        if (bits != 0)
            RetryStalled();
        var found = false;
        while (bits != 0)
        {
            var party = BitOperations.TrailingZeroCount(bits);
            bits &= bits - 1;
            if (party is < Party.Tovm or >= Party.Count || party == Self)
                continue;
            ref var lane = ref _fromParties[party];
            for (var n = 0; ; n++)
            {
                if (n == Budget)
                {
                    _leftParties |= 1ul << party;
                    break;
                }

                var status = lane.TryPeek(out var descriptor);
                if (status != LaneStatus.Done)
                {
                    if (status == LaneStatus.Corrupt)
                        lane.SkipAll();
                    break;
                }

                lane.Advance();
                found = true;
                Counters.FromParties++;
                _sink.OnParty(party, descriptor);
            }
        }

        return found;
    }

    /// <summary>Sends to a trusted party; what its lane has no room for waits here. The doorbell follows at the end of the round.</summary>
    public void Send(int party, in Descriptor descriptor)
    {
        Counters.ToParties++;
        if ((_overflowing & 1u << party) != 0 || _toParties[party].TryPublish(descriptor) != LaneStatus.Done)
        {
            _overflow[party].Enqueue(descriptor);
            _overflowing |= 1u << party;
            return;
        }

        // Full fence: the tail is published before the flag is set, and before the sleep flag is read in FlushRings.
        Interlocked.Or(ref Memory.CoreParty(party).Pending, 1ul << Self);
        _ringParties |= 1u << party;
    }

    /// <summary>Forgets what waits for a party that is gone.</summary>
    public void DropOverflow(int party)
    {
        _overflow[party].Clear();
        _overflowing &= ~(1u << party);
    }

    /// <summary>Tells the agent to look at a stream's readiness.</summary>
    public void NotifyAgent(int slot)
    {
        // Word before summary: the agent takes the summary first. The locked operation also is the fence between what the stream
        // now has to show and the agent's look at it.
        Interlocked.Or(ref *((ulong*)(Memory.Edge + GuestGeometry.EdgeReady) + slot / 64), 1ul << (slot % 64));
        Interlocked.Or(ref *((ulong*)(Memory.Edge + GuestGeometry.EdgeReadySummary) + slot / 4096), 1ul << (slot / 64 % 64));
        _ringAgent = true;
    }

    /// <summary>Replies to a process of the guest. A full reply lane is the guest's own loss: it never has more requests than slots.</summary>
    public void Reply(int channel, in Descriptor descriptor)
    {
        if (_replies[channel].TryPublish(descriptor) == LaneStatus.Done)
            _ringChannels[channel / 64] |= 1ul << (channel % 64);
        else
            Counters.Violations++;
    }

    /// <summary>Channels that wait for a buffer, or for word of a stream, are looked at in the next round.</summary>
    public void RetryStalled()
    {
        for (var w = 0; w < _stalledChannels.Length; w++)
            _retryStalled |= _stalledChannels[w] != 0;
    }

    /// <summary>The sealed pool has got buffers back: wakes the parties that wait for one.</summary>
    public void AnnounceFreeBuffers()
    {
        for (var p = Party.FirstSvm; p < Party.Count; p++)
        {
            if (Volatile.Read(ref Memory.CoreParty(p).PoolWaiting) != 0 && Interlocked.Exchange(ref Memory.CoreParty(p).PoolWaiting, 0) != 0)
            {
                Interlocked.Or(ref Memory.CoreParty(p).Pending, 1ul << Self);
                _ringParties |= 1u << p;
            }
        }

        RetryStalled();
    }

    /// <summary>Rings everybody who sleeps and has been sent something since.</summary>
    public void FlushRings()
    {
        if (_ringParties == 0 && !_ringAgent && (_ringChannels[0] | _ringChannels[1] | _ringChannels[2] | _ringChannels[3]) == 0)
            return;
        // Dekker: what was published before this fence is seen by a consumer that looks again after setting its sleep flag.
        Interlocked.MemoryBarrier();
        var parties = _ringParties;
        _ringParties = 0;
        while (parties != 0)
        {
            var party = BitOperations.TrailingZeroCount(parties);
            parties &= parties - 1;
            if (TakeSleeper(ref Memory.CoreParty(party).Sleeping))
                _attachment.RingCore(party);
        }

        if (_ringAgent)
        {
            _ringAgent = false;
            if (TakeSleeper(ref Memory.EdgeParty(Party.Guest).Sleeping))
                _attachment.RingEdge(Party.Guest, 0);
        }

        for (var w = 0; w < _ringChannels.Length; w++)
        {
            var channels = _ringChannels[w];
            _ringChannels[w] = 0;
            while (channels != 0)
            {
                var channel = w * 64 + BitOperations.TrailingZeroCount(channels);
                channels &= channels - 1;
                if (TakeSleeper(ref Memory.Channel(channel).Sleeping))
                    _attachment.RingEdge(Party.Guest, channel);
            }
        }
    }

    public void PrepareSleep()
    {
        Volatile.Write(ref Memory.EdgeParty(Self).Sleeping, 1);
        Volatile.Write(ref Memory.CoreParty(Self).Sleeping, 1);
    }

    public bool HasWork()
    {
        ref var edge = ref Memory.EdgeParty(Self);
        var work = Volatile.Read(ref Memory.CoreParty(Self).Pending) | _leftParties;
        for (var w = 0; w < EdgePartyState.PendingWords; w++)
            work |= Volatile.Read(ref edge.Pending[w]) | _leftChannels[w];
        return work != 0 || _retryStalled || _overflowing != 0;
    }

    public void EndSleep()
    {
        Volatile.Write(ref Memory.EdgeParty(Self).Sleeping, 0);
        Volatile.Write(ref Memory.CoreParty(Self).Sleeping, 0);
    }

    private bool TakeSleeper(ref uint sleeping)
    {
        if (Volatile.Read(ref sleeping) != 0 && Interlocked.Exchange(ref sleeping, 0) != 0)
        {
            Counters.WakesSent++;
            return true;
        }

        Counters.WakesSuppressed++;
        return false;
    }

    private bool DrainChannel(int channel)
    {
        ref var lane = ref _channels[channel];
        var bit = 1ul << (channel % 64);
        _stalledChannels[channel / 64] &= ~bit;
        for (var n = 0; n < Budget; n++)
        {
            var status = lane.TryPeek(out var descriptor);
            if (status == LaneStatus.Empty)
                return n > 0;
            if (status == LaneStatus.Corrupt)
            {
                lane.SkipAll();
                Counters.Violations++;
                _sink.OnCorruptChannel(channel);
                return true;
            }

            Counters.FromChannels++;
            if (_sink.OnChannel(channel, descriptor) != IntakeResult.Taken)
            {
                _stalledChannels[channel / 64] |= bit;
                Counters.Stalls++;
                return n > 0;
            }

            lane.Advance();
        }

        _leftChannels[channel / 64] |= bit;
        return true;
    }

    private bool DrainOverflow()
    {
        if (_overflowing == 0)
            return false;
        var moved = false;
        for (var p = Party.Tovm; p < Party.Count; p++)
        {
            if ((_overflowing & 1u << p) == 0)
                continue;
            while (_overflow[p].TryPeek(out var descriptor) && _toParties[p].TryPublish(descriptor) == LaneStatus.Done)
            {
                _overflow[p].Dequeue();
                moved = true;
            }

            if (_overflow[p].Count == 0)
                _overflowing &= ~(1u << p);
            Interlocked.Or(ref Memory.CoreParty(p).Pending, 1ul << Self);
            _ringParties |= 1u << p;
        }

        return moved;
    }
}
