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
            if (!_pool.TryRent(part, _port.Self, _entry.Slot, out var buffer))
                return false;
            bytes[..part].CopyTo(_pool.View(buffer.Offset, (uint)part));
            bytes = bytes[part..];
            HandOn(new Descriptor
            {
                Opcode = Opcode.Payload,
                Slot = (uint)_entry.Slot,
                StreamId = _half.StreamId,
                Offset = buffer.Offset,
                Length = (uint)part,
                Generation = buffer.Generation,
            });
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
    }
}
