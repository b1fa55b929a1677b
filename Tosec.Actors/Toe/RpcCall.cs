using System.Runtime.InteropServices;
using Tosec.Actors.Lanes;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Actors.Toe;

/// <summary>
/// One request of the RPC channel (paper section 3): the descriptor and a private copy of its bytes. Whoever handles it answers once
/// and so gives it back to the worker's pool.
/// </summary>
internal sealed unsafe class RpcCall(TrustedPort port, Stack<RpcCall> pool)
{
    private readonly byte[] _request = new byte[GuestGeometry.RpcReplyOffset];
    private int _length;
    private int _channel;
    private ulong _correlation;
    private ulong _slotOffset;

    /// <summary>Whose it is.</summary>
    public Stack<RpcCall> Pool => pool;

    public RpcMethod Method { get; private set; }

    public int Slot { get; private set; }

    public int Channel => _channel;

    public ulong Argument { get; private set; }

    public ReadOnlySpan<byte> Request => _request.AsSpan(0, _length);

    /// <summary>Copies the request out of the guest's reach.</summary>
    /// <returns>False: it does not lie in an RPC slot of the channel.</returns>
    public bool TryLoad(int channel, in Descriptor descriptor)
    {
        var first = (ulong)GuestGeometry.EdgeRpc(channel, 0);
        var position = descriptor.Offset - first;
        if (descriptor.Offset < first || position % GuestGeometry.RpcSlotBytes != 0
            || position / GuestGeometry.RpcSlotBytes >= GuestGeometry.RpcSlots || descriptor.Length > GuestGeometry.RpcReplyOffset)
            return false;
        _length = (int)descriptor.Length;
        new ReadOnlySpan<byte>(port.Memory.Edge + descriptor.Offset, _length).CopyTo(_request);
        _channel = channel;
        _correlation = descriptor.Correlation;
        _slotOffset = descriptor.Offset;
        Method = (RpcMethod)descriptor.Code;
        Slot = descriptor.Slot > int.MaxValue ? -1 : (int)descriptor.Slot;
        Argument = descriptor.Arg0;
        return true;
    }

    /// <summary>The request as a struct of the layout.</summary>
    /// <returns>False: it is too short.</returns>
    public bool TryRead<T>(out T value) where T : unmanaged
    {
        if (_length < sizeof(T))
        {
            value = default;
            return false;
        }

        value = MemoryMarshal.Read<T>(_request);
        return true;
    }

    /// <param name="result">At least 0, or a negative errno.</param>
    /// <param name="extra">Second result, by method.</param>
    /// <param name="reply">Bytes for the reply half of the RPC slot.</param>
    public void Answer(long result, ulong extra = 0, ReadOnlySpan<byte> reply = default)
    {
        if (reply.Length > 0)
            reply.CopyTo(new Span<byte>(port.Memory.Edge + _slotOffset + GuestGeometry.RpcReplyOffset, GuestGeometry.RpcSlotBytes - GuestGeometry.RpcReplyOffset));
        port.Reply(_channel, new Descriptor
        {
            Opcode = Opcode.RpcReply,
            Code = (ushort)Method,
            Slot = (uint)Slot,
            Offset = _slotOffset,
            Length = (uint)reply.Length,
            Correlation = _correlation,
            Arg0 = (ulong)result,
            Arg1 = extra,
        });
        pool.Push(this);
    }
}
