using Tosec.Actors.Workers;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;
using Tosec.Transport.Shm.Rings;

namespace Tosec.Actors.Agent;

/// <summary>The agent's ends of the lanes: it sends on channel 0, and polls the bitmap of streams to look at. Worker's thread.</summary>
internal sealed unsafe class AgentLanes : IPoller
{
    private readonly IGuestAttachment _attachment;
    private readonly GuestMemory _memory;
    private readonly Action<int> _look;
    private readonly LaneProducer[] _lanes = new LaneProducer[Party.Count];
    private readonly Queue<Descriptor>[] _waiting = new Queue<Descriptor>[Party.Count];

    /// <param name="attachment">The guest's.</param>
    /// <param name="look">Called for each slot whose readiness may have changed.</param>
    public AgentLanes(IGuestAttachment attachment, Action<int> look)
    {
        _attachment = attachment;
        _memory = attachment.Memory;
        _look = look;
        for (var p = 0; p < Party.Count; p++)
        {
            _lanes[p] = _memory.EdgeProducer(0, p);
            _waiting[p] = new Queue<Descriptor>();
        }
    }

    /// <summary>Sends on channel 0; waits here while the lane is full.</summary>
    public void Send(int party, in Descriptor descriptor)
    {
        _waiting[party].Enqueue(descriptor);
        Flush(party);
    }

    public bool Poll()
    {
        var found = false;
        for (var p = Party.Tovm; p < Party.Count; p++)
        {
            if (_waiting[p].Count > 0)
                found |= Flush(p);
        }

        var summaries = (ulong*)(_memory.Edge + GuestGeometry.EdgeReadySummary);
        var words = (ulong*)(_memory.Edge + GuestGeometry.EdgeReady);
        for (var s = 0; s * 4096 < _memory.Geometry.Streams; s++)
        {
            if (Volatile.Read(ref summaries[s]) == 0)
                continue;
            var summary = Interlocked.Exchange(ref summaries[s], 0);
            while (summary != 0)
            {
                var w = s * 64 + System.Numerics.BitOperations.TrailingZeroCount(summary);
                summary &= summary - 1;
                if (w * 64 >= _memory.Geometry.Streams)
                    continue;
                var word = Interlocked.Exchange(ref words[w], 0);
                while (word != 0)
                {
                    _look(w * 64 + System.Numerics.BitOperations.TrailingZeroCount(word));
                    word &= word - 1;
                    found = true;
                }
            }
        }

        return found;
    }

    public void PrepareSleep() => Volatile.Write(ref _memory.EdgeParty(Party.Guest).Sleeping, 1);

    public bool HasWork()
    {
        var summaries = (ulong*)(_memory.Edge + GuestGeometry.EdgeReadySummary);
        for (var s = 0; s * 4096 < _memory.Geometry.Streams; s++)
        {
            if (Volatile.Read(ref summaries[s]) != 0)
                return true;
        }

        return false;
    }

    public void EndSleep() => Volatile.Write(ref _memory.EdgeParty(Party.Guest).Sleeping, 0);

    /// <summary>Announces what a process that is gone has put into its lanes: it may have been killed before it could do so.</summary>
    public void Announce(int channel)
    {
        for (var p = Party.Tovm; p < Party.Count; p++)
        {
            if (Volatile.Read(ref _memory.EdgeParty(p).Incarnation) == 0)
                continue;
            Interlocked.Or(ref _memory.EdgeParty(p).Pending[channel / 64], 1ul << (channel % 64));
            // Asleep or not: it may have taken the sleep flag back and not rung.
            _attachment.RingEdge(p, 0);
        }
    }

    /// <summary>Whether every party has taken what a channel's process has sent: its send buffers are nobody's any more.</summary>
    public bool IsDrained(int channel)
    {
        for (var p = Party.Tovm; p < Party.Count; p++)
        {
            ref var lane = ref *(LaneHeader*)(_memory.Edge + GuestGeometry.EdgeLane(channel, p));
            if (Volatile.Read(ref lane.Tail) != Volatile.Read(ref lane.Head) && Volatile.Read(ref _memory.EdgeParty(p).Incarnation) != 0)
                return false;
        }

        return true;
    }

    private bool Flush(int party)
    {
        var moved = false;
        while (_waiting[party].TryPeek(out var descriptor) && _lanes[party].TryPublish(descriptor) == LaneStatus.Done)
        {
            _waiting[party].Dequeue();
            moved = true;
        }

        if (!moved)
            return false;
        // Full fence: the tail before the bit, and both before the look at the sleep flag.
        Interlocked.Or(ref _memory.EdgeParty(party).Pending[0], 1);
        if (Volatile.Read(ref _memory.EdgeParty(party).Sleeping) != 0 && Interlocked.Exchange(ref _memory.EdgeParty(party).Sleeping, 0) != 0)
            _attachment.RingEdge(party, 0);
        return true;
    }
}
