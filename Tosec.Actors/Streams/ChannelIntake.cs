using Tosec.Actors.Lanes;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Actors.Streams;

/// <summary>Why a descriptor of the guest's was refused.</summary>
internal enum Violation : byte
{
    None,
    UnknownOpcode,
    UnknownStream,
    NotFirstHop,
    OutOfBounds,
    OverCredit,
    BadSequence,
    AfterFin,
    BadRequest,
}

/// <summary>
/// What the first trusted hop does with the guest's payloads: checks the private copy of each descriptor against the stream's entry,
/// restores the order of several writers, and seals (paper section 3, with the guest taken for hostile). One worker's thread.
/// </summary>
internal sealed class ChannelIntake(GuestMemory memory, int self)
{
    // Writers that share a stream run ahead of each other by less than their send buffers.
    private const int MaxEarly = 256;

    private readonly SharedPool _sealed = memory.SealedPool;

    /// <summary>Payloads copied out of the guest's reach.</summary>
    public long Sealed { get; private set; }

    public long SealedBytes { get; private set; }

    /// <summary>Takes a PAYLOAD or FIN of the outgoing stream in.</summary>
    /// <param name="channel">Whose lane it came on.</param>
    /// <param name="descriptor">Private copy.</param>
    /// <param name="entry">The stream's entry; its id has been compared.</param>
    /// <param name="gatherer">Is given what is in order.</param>
    /// <param name="violation">Set when the stream has to be ended.</param>
    public IntakeResult Take(int channel, in Descriptor descriptor, StreamEntry entry, RunGatherer gatherer, out Violation violation)
    {
        var half = entry.Outgoing;
        violation = Check(channel, descriptor, entry, half, out var bytes);
        if (violation != Violation.None)
            return IntakeResult.Taken;
        var taken = descriptor;
        taken.Flags = 0;
        if (descriptor.Opcode == Opcode.Payload)
        {
            var cost = memory.SendBufferCost(channel, descriptor.Offset);
            var limit = Volatile.Read(ref memory.State(entry.Slot).SendLimit);
            if (half.Position + (ulong)cost > limit)
            {
                violation = Violation.OverCredit;
                return IntakeResult.Taken;
            }

            if (!TryRent(bytes.Length, entry.Slot, out var buffer))
                return IntakeResult.NoBuffer;
            // The one copy on the way: from here on nobody reads what the guest can still write.
            bytes.CopyTo(_sealed.View(buffer.Offset, (uint)bytes.Length));
            Sealed++;
            SealedBytes += bytes.Length;
            half.Position += (ulong)cost;
            taken.Offset = buffer.Offset;
            taken.Generation = buffer.Generation;
            taken.Arg0 = (ulong)cost;
        }

        if (descriptor.Sequence != half.ExpectedSequence)
        {
            (half.Early ??= []).Add(descriptor.Sequence, taken);
            return IntakeResult.Taken;
        }

        Release(entry, half, taken, gatherer);
        while (half.Early is { Count: > 0 } early && early.Keys[0] == half.ExpectedSequence)
        {
            var next = early.Values[0];
            early.RemoveAt(0);
            Release(entry, half, next, gatherer);
        }

        return IntakeResult.Taken;
    }

    /// <summary>Gives back the buffers of payloads that still wait for their turn.</summary>
    public void Discard(StreamEntry entry)
    {
        if (entry.Outgoing.Early is not { } early)
            return;
        foreach (var descriptor in early.Values)
        {
            if (descriptor.Opcode == Opcode.Payload && _sealed.TryFind(descriptor.Offset, descriptor.Length, out var index))
                _sealed.TryReturn(index, descriptor.Generation, self);
        }

        entry.Outgoing.Early = null;
    }

    private static void Release(StreamEntry entry, StreamHalf half, in Descriptor descriptor, RunGatherer gatherer)
    {
        if (descriptor.Opcode == Opcode.Payload)
            half.ExpectedSequence++;
        else
            half.Ended = true;
        gatherer.Add(entry, descriptor);
    }

    private Violation Check(int channel, in Descriptor descriptor, StreamEntry entry, StreamHalf half, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (!entry.IsFirstHop)
            return Violation.NotFirstHop;
        if (half.Ended)
            return Violation.AfterFin;
        if (descriptor.Sequence < half.ExpectedSequence || descriptor.Sequence - half.ExpectedSequence > MaxEarly
            || half.Early?.ContainsKey(descriptor.Sequence) == true)
            return Violation.BadSequence;
        return descriptor.Opcode == Opcode.Payload && !memory.TrySendBuffer(channel, descriptor.Offset, descriptor.Length, out bytes)
            ? Violation.OutOfBounds
            : Violation.None;
    }

    private bool TryRent(int length, int slot, out PoolBuffer buffer)
    {
        if (_sealed.TryRent(length, self, slot, out buffer))
            return true;
        // Asked to be rung before the second look, so that a buffer freed in between is not missed.
        Interlocked.Exchange(ref memory.CoreParty(self).PoolWaiting, 1);
        return _sealed.TryRent(length, self, slot, out buffer);
    }
}
