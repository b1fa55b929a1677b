using Tosec.Actors.Streams;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Pools;

namespace Tosec.Actors.Toe;

/// <summary>
/// The outgoing stream at the TOE: sends straight from sealed buffers, keeps what the kernel has no room for, and grants new credit as
/// buffers come free. Owns the payloads from their delivery on.
/// </summary>
internal sealed class SendSide(ToeContext toe, StreamEntry entry)
{
    // A peer that does not read shall not fill the guest's pool with answers.
    private const int MaxBehindAnswer = 16;

    private readonly Queue<Descriptor> _waiting = new();
    private readonly SharedPool _pool = toe.Port.Memory.SealedPool;
    private int _sentOfFirst;
    private ulong _released;
    private bool _endTaken;

    /// <summary>Everything has been sent and the kernel told of the end; or the stream was given up.</summary>
    public bool Finished { get; private set; }

    /// <summary>Payloads that the kernel had no room for.</summary>
    public int Waiting => _waiting.Count;

    /// <summary>Grants the first credit.</summary>
    public void Open() => Volatile.Write(ref toe.State(entry.Slot).SendLimit, toe.SendWindow);

    /// <summary>Sends a payload, or keeps it until the kernel has room.</summary>
    /// <returns>0, or the negative errno that the connection has ended with.</returns>
    public int Payload(KernelSocket? socket, in Descriptor descriptor)
    {
        if (Finished || _endTaken || socket is null || !_pool.TryFind(descriptor.Offset, descriptor.Length, out var index)
            || !_pool.IsOwned(index, descriptor.Generation, Party.Tovm))
        {
            Return(descriptor);
            return 0;
        }

        entry.Outgoing.Payloads++;
        entry.Outgoing.Bytes += descriptor.Length;
        _waiting.Enqueue(descriptor);
        return _waiting.Count == 1 ? Flush(socket) : 0;
    }

    /// <summary>FIN has come through the chain.</summary>
    public int End(KernelSocket? socket)
    {
        _endTaken = true;
        return socket is null ? 0 : Flush(socket);
    }

    /// <summary>Sends what waits, as far as the kernel takes it.</summary>
    /// <returns>0, or a negative errno other than EAGAIN.</returns>
    public int Flush(KernelSocket socket)
    {
        while (_waiting.TryPeek(out var descriptor))
        {
            var rest = _pool.View(descriptor.Offset, descriptor.Length)[_sentOfFirst..];
            var sent = socket.Send(rest);
            if (sent < 0)
                return sent == -Errno.EAGAIN ? 0 : sent;
            toe.Counters.BytesOut += sent;
            if (sent < rest.Length)
            {
                _sentOfFirst += sent;
                continue;
            }

            _sentOfFirst = 0;
            _waiting.Dequeue();
            Return(descriptor);
        }

        if (_endTaken && !Finished)
        {
            Finished = true;
            // A peer that has reset meanwhile has ended the stream as well.
            _ = socket.Shutdown(1);
        }

        return 0;
    }

    /// <summary>Whether an SVM's answer may be put before the peer, which has to read what it was sent.</summary>
    public bool HasRoom => _waiting.Count < MaxBehindAnswer;

    /// <summary>Payloads that an SVM has taken out cost no credit any more.</summary>
    public void Refund(ulong cost) => _released += cost;

    /// <summary>Publishes the credit of what was sent since.</summary>
    public void Grant()
    {
        ref var state = ref toe.State(entry.Slot);
        var limit = _released + toe.SendWindow;
        if (limit <= state.SendLimit)
            return;
        Volatile.Write(ref state.SendLimit, limit);
        // Dekker: a writer sets WantWrite and then looks at the limit once more.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref toe.Port.Memory.Cursor(entry.Slot).WantWrite) != 0)
            toe.Port.NotifyAgent(entry.Slot);
    }

    /// <summary>
    /// What the guest still sends goes nowhere, for an SVM drops it, and so no credit would ever come back: it is not counted any more,
    /// so that a writer gets to read why it was cut off.
    /// </summary>
    public void ForgetCredit()
    {
        Volatile.Write(ref toe.State(entry.Slot).SendLimit, 1ul << 62);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref toe.Port.Memory.Cursor(entry.Slot).WantWrite) != 0)
            toe.Port.NotifyAgent(entry.Slot);
    }

    /// <summary>Drops what waits: the connection is over.</summary>
    public void GiveUp()
    {
        Finished = true;
        while (_waiting.TryDequeue(out var descriptor))
            Return(descriptor);
    }

    private void Return(in Descriptor descriptor)
    {
        if (descriptor.Opcode != Opcode.Payload || !_pool.TryFind(descriptor.Offset, descriptor.Length, out var index)
            || !_pool.TryReturn(index, descriptor.Generation, Party.Tovm))
            return;
        _released += descriptor.Arg0;
        toe.FreedSealed = true;
    }
}
