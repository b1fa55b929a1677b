using Tosec.Actors.Inspection;
using Tosec.Actors.Lanes;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Pools;
using Tosec.Transport.Shm.Rings;

namespace Tosec.Actors.Streams;

/// <summary>
/// One stream at one trusted hop: what it holds, and how it hands on. Owns the payloads it holds; gives each to the next hop or back to its
/// pool, once.
/// </summary>
internal sealed class StreamFlow
{
    private readonly TrustedPort _port;
    private readonly StreamEntry _entry;
    private readonly StreamHalf _half;
    private readonly StreamDirection _direction;
    private readonly SharedPool _pool;
    private readonly Queue<Descriptor> _held = new();
    private ReceiveRingWriter _ring;

    // Bytes of the first held payload that are decided on: they go with its last ones, since a buffer has one owner.
    private int _decided;

    public StreamFlow(TrustedPort port, StreamEntry entry, StreamDirection direction)
    {
        _port = port;
        _entry = entry;
        _direction = direction;
        _half = entry.Half(direction);
        _pool = direction == StreamDirection.Outgoing ? port.Memory.SealedPool : port.Memory.ReceivePool;
        if (IsLastHop)
            _ring = port.Memory.RingWriter(entry.Slot);
    }

    /// <summary>Bytes of pool that are held back.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>Bytes held of which the engine has not said that they may go.</summary>
    public long UndecidedBytes => HeldBytes - _decided;

    /// <summary>Since when, in milliseconds of the worker's clock; meaningful while something is held.</summary>
    public long HeldSince { get; private set; }

    /// <summary>FIN has been handed on, or may not be any more.</summary>
    public bool Finished { get; private set; }

    private bool IsLastHop => _direction == StreamDirection.Incoming && _half.Next == Party.Guest;

    /// <summary>The payload's bytes, if the descriptor is what it claims: within one buffer, ours, of its generation.</summary>
    public bool TryOpen(in Descriptor descriptor, out ReadOnlySpan<byte> bytes)
    {
        if (_pool.TryFind(descriptor.Offset, descriptor.Length, out var index) && _pool.IsOwned(index, descriptor.Generation, _port.Self))
        {
            bytes = _pool.View(descriptor.Offset, descriptor.Length);
            return true;
        }

        bytes = default;
        return false;
    }

    public void Hold(in Descriptor descriptor)
    {
        if (_held.Count == 0)
            HeldSince = Environment.TickCount64;
        _held.Enqueue(descriptor);
        HeldBytes += descriptor.Length;
    }

    /// <summary>Hands on everything held, in order.</summary>
    public void ReleaseHeld()
    {
        while (_held.TryDequeue(out var descriptor))
            HandOn(descriptor);
        HeldBytes = 0;
        _decided = 0;
    }

    /// <summary>Lets the first undecided bytes go; those that share a payload with undecided ones go when these are decided.</summary>
    /// <returns>False: so many are not held; nothing has happened.</returns>
    public bool TryRelease(long count)
    {
        if (count > UndecidedBytes)
            return false;
        count += _decided;
        _decided = 0;
        while (_held.TryPeek(out var first) && first.Length <= count)
        {
            count -= first.Length;
            HeldBytes -= first.Length;
            HandOn(_held.Dequeue());
        }

        _decided = (int)count;
        // What is left waits from now on.
        HeldSince = Environment.TickCount64;
        return true;
    }

    /// <summary>
    /// Takes the first undecided bytes out, and lets <paramref name="replacement"/>, which is no longer, go in their place. Payloads are
    /// changed where they lie: they are ours alone.
    /// </summary>
    /// <returns>False: so many are not held; nothing has happened.</returns>
    public bool TryCut(long count, ReadOnlySpan<byte> replacement)
    {
        if (count > UndecidedBytes || replacement.Length > count)
            return false;
        var replaced = replacement.Length;
        var rest = count;
        var skip = _decided;
        ulong removed = 0, cost = 0;
        for (var n = _held.Count; n > 0; n--)
        {
            var payload = _held.Dequeue();
            if (!CutPayload(ref payload, skip, ref rest, ref replacement))
            {
                removed++;
                cost += CostOf(payload);
                Drop(payload);
            }
            else
            {
                _held.Enqueue(payload);
            }

            skip = 0;
        }

        HeldBytes -= count - replaced;
        if (removed > 0)
            _port.Send(Party.Tovm, About(Opcode.Removed, removed, cost));
        return TryRelease(replaced);
    }

    /// <summary>Puts bytes of our own into a buffer, to be handed on when there is room for them in the stream.</summary>
    /// <param name="bytes">At most a small buffer's.</param>
    /// <param name="payload">Ours until it is handed on or dropped.</param>
    /// <returns>False: no buffer is free.</returns>
    public bool TryPrepare(ReadOnlySpan<byte> bytes, out Descriptor payload)
    {
        payload = default;
        if (!_pool.TryRent(bytes.Length, _port.Self, _entry.Slot, out var buffer))
            return false;
        bytes.CopyTo(_pool.View(buffer.Offset, (uint)bytes.Length));
        payload = new Descriptor
        {
            Opcode = Opcode.Payload,
            Slot = (uint)_entry.Slot,
            StreamId = _half.StreamId,
            Offset = buffer.Offset,
            Length = (uint)bytes.Length,
            Generation = buffer.Generation,
        };
        return true;
    }

    /// <summary>Asks the TOE for room for a prepared payload; it replies with <see cref="Opcode.AnswerRoom"/>.</summary>
    public void AskRoom(in Descriptor payload)
    {
        _pool.TryFind(payload.Offset, payload.Length, out var index);
        _port.Send(Party.Tovm, About(Opcode.AnswerRoom, 1, (ulong)_pool.Capacity(index)));
    }

    /// <summary>Hands one payload on: to the next party's lane, or into the stream's receive ring.</summary>
    public void HandOn(in Descriptor descriptor)
    {
        if (!_pool.TryFind(descriptor.Offset, descriptor.Length, out var index)
            || !_pool.TryTransfer(index, descriptor.Generation, _port.Self, _half.Next))
            return;
        if (IsLastHop)
        {
            _ring.Publish(ReceiveEntryKind.Data, descriptor.Offset, descriptor.Length);
            _port.NotifyAgent(_entry.Slot);
            return;
        }

        var next = descriptor;
        next.Sequence = _half.NextSequence++;
        _port.Send(_half.Next, next);
    }

    /// <summary>Hands the end of the stream on, behind everything before it.</summary>
    /// <param name="errno">0: an orderly end (FIN).</param>
    public void Finish(int errno)
    {
        if (Finished)
            return;
        Finished = true;
        if (IsLastHop)
        {
            _ring.Publish(errno == 0 ? ReceiveEntryKind.Fin : ReceiveEntryKind.Reset, 0, (uint)errno);
            _port.NotifyAgent(_entry.Slot);
            return;
        }

        _port.Send(_half.Next, new Descriptor
        {
            Opcode = errno == 0 ? Opcode.Fin : Opcode.Reset,
            Code = (ushort)errno,
            Slot = (uint)_entry.Slot,
            StreamId = _half.StreamId,
            Sequence = _half.NextSequence,
        });
    }

    /// <summary>Adds bytes of our own to the stream: an engine's answer.</summary>
    /// <returns>False: no room; nothing, or only a part, was added.</returns>
    public bool TryInject(ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            var part = Math.Min(bytes.Length, GuestGeometry.LargeBuffer);
            if (!TryPrepare(bytes[..part], out var payload))
                return false;
            bytes = bytes[part..];
            HandOn(payload);
        }

        return true;
    }

    /// <summary>Gives one payload back unseen.</summary>
    public void Drop(in Descriptor descriptor)
    {
        if (_pool.TryFind(descriptor.Offset, descriptor.Length, out var index))
            _pool.TryReturn(index, descriptor.Generation, _port.Self);
    }

    /// <summary>Gives everything held back unseen.</summary>
    public void DropHeld()
    {
        while (_held.TryDequeue(out var descriptor))
            Drop(descriptor);
        HeldBytes = 0;
        _decided = 0;
    }

    /// <summary>Overwrites and takes out what of a range lies in one payload, behind its first <paramref name="skip"/> bytes.</summary>
    /// <returns>Whether anything of the payload is left.</returns>
    private bool CutPayload(ref Descriptor payload, int skip, ref long rest, ref ReadOnlySpan<byte> replacement)
    {
        var bytes = _pool.View(payload.Offset, payload.Length);
        var written = Math.Min(replacement.Length, bytes.Length - skip);
        replacement[..written].CopyTo(bytes[skip..]);
        replacement = replacement[written..];
        rest -= written;
        var start = skip + written;
        var gone = replacement.IsEmpty ? (int)Math.Min(rest, bytes.Length - start) : 0;
        rest -= gone;
        if (gone == bytes.Length)
            return false;
        bytes[(start + gone)..].CopyTo(bytes[start..]);
        payload.Length -= (uint)gone;
        return true;
    }

    // What the sender's credit was charged: by the first hop, or by the TOE, which counts buffers.
    private ulong CostOf(in Descriptor payload) =>
        _direction == StreamDirection.Outgoing ? payload.Arg0
        : _pool.TryFind(payload.Offset, payload.Length, out var index) ? (ulong)_pool.Capacity(index) : 0;

    private Descriptor About(Opcode opcode, ulong number, ulong cost) => new()
    {
        Opcode = opcode,
        Slot = (uint)_entry.Slot,
        StreamId = _half.StreamId,
        Arg0 = number,
        Arg1 = cost,
    };
}
