using System.Net;
using System.Runtime.InteropServices;
using Tosec.Tests.Actors.Workers;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Peer;

/// <summary>A socket of a <see cref="TestGuest"/>, played on the lanes. One thread at a time for each direction.</summary>
internal sealed unsafe class GuestSocket(TestGuest guest, TestChannel channel, int slot, ulong connectionId)
{
    public int Slot { get; } = slot;

    public ulong ConnectionId { get; } = connectionId;

    public TestGuest Guest { get; } = guest;

    public TestChannel Channel { get; } = channel;

    public ref StreamState State => ref Guest.Memory.State(Slot);

    public ref StreamCursor Cursor => ref Guest.Memory.Cursor(Slot);

    public StreamStatus Status => (StreamStatus)Volatile.Read(ref State.Status);

    public IPEndPoint Local => State.Local.ToEndPoint()!;

    public bool IsMine => Volatile.Read(ref State.ConnectionId) == ConnectionId;

    /// <summary>Credit that is left, in bytes of buffer classes.</summary>
    public long Credit => (long)(Volatile.Read(ref State.SendLimit) - Cursor.SendPosition);

    public long Bind(IPEndPoint endPoint) => Address(RpcMethod.Bind, endPoint);

    public long Listen(int backlog = 16) => Channel.Call(RpcMethod.Listen, Slot, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in backlog))).Result;

    /// <summary>Binds to an address with a port of the kernel's choice and listens there.</summary>
    public IPEndPoint ListenOn(IPAddress address)
    {
        Assert.Equal(0, Bind(new IPEndPoint(address, 0)));
        Assert.Equal(0, Listen());
        return Local;
    }

    public long BeginConnect(EndPoint endPoint) => Address(RpcMethod.Connect, (IPEndPoint)endPoint);

    /// <returns>0, or the negative errno, at once or later.</returns>
    public long Connect(EndPoint endPoint)
    {
        var result = BeginConnect(endPoint);
        if (result < 0)
            return result;
        WorkerHarness.Until(() => Status is not StreamStatus.Connecting);
        return Status == StreamStatus.Connected ? 0 : -State.Error;
    }

    public GuestSocket Accept()
    {
        WorkerHarness.Until(() => HasEntry);
        var entry = Take();
        Assert.Equal((uint)ReceiveEntryKind.Accepted, entry.Kind);
        return new GuestSocket(Guest, Channel, (int)entry.Length, entry.Offset);
    }

    public long SetOption(int level, int name, int value) => SetOption(level, name, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)));

    public long SetOption(int level, int name, ReadOnlySpan<byte> value)
    {
        var option = new RpcOption { Level = level, Name = name, Length = (uint)value.Length };
        byte[] request = [.. MemoryMarshal.AsBytes(new ReadOnlySpan<RpcOption>(in option)), .. value];
        return Channel.Call(RpcMethod.SetOption, Slot, request).Result;
    }

    public (long Result, int Value) GetOption(int level, int name)
    {
        var option = new RpcOption { Level = level, Name = name, Length = 4 };
        var (result, _, reply) = Channel.Call(RpcMethod.GetOption, Slot, MemoryMarshal.AsBytes(new ReadOnlySpan<RpcOption>(in option)));
        return (result, reply.Length >= 4 ? BitConverter.ToInt32(reply) : 0);
    }

    /// <summary>Sends one payload if credit, a buffer and the lane allow.</summary>
    public bool TrySend(ReadOnlySpan<byte> bytes)
    {
        var large = bytes.Length > GuestGeometry.SmallBuffer;
        var cost = large ? GuestGeometry.LargeBuffer : GuestGeometry.SmallBuffer;
        if (Credit < cost || !Channel.TrySendPayload((int)State.FirstHop, Next(), bytes, large))
            return false;
        Cursor.SendSequence++;
        Cursor.SendPosition += (ulong)cost;
        return true;
    }

    /// <summary>Sends it all, in payloads of at most so many bytes; false if the connection ends before.</summary>
    public bool Send(ReadOnlySpan<byte> bytes, int payload = GuestGeometry.LargeBuffer)
    {
        while (bytes.Length > 0)
        {
            var part = bytes[..Math.Min(payload, bytes.Length)].ToArray();
            var sent = false;
            WorkerHarness.Until(() => (sent = TrySend(part)) || Status != StreamStatus.Connected);
            if (!sent)
                return false;
            bytes = bytes[part.Length..];
        }

        return true;
    }

    public bool Send(string text) => Send(System.Text.Encoding.ASCII.GetBytes(text));

    /// <summary>Ends the outgoing stream (shutdown for writing).</summary>
    public void Finish()
    {
        if (Interlocked.Exchange(ref Cursor.FinSent, 1) != 0)
            return;
        var fin = Next();
        fin.Opcode = Opcode.Fin;
        Channel.Send((int)State.FirstHop, fin);
    }

    public void Close() => Guest.Close(Slot, ConnectionId);

    /// <summary>A descriptor of this stream with the next sequence number.</summary>
    public Descriptor Next() => new() { Slot = (uint)Slot, StreamId = ConnectionId, Sequence = Cursor.SendSequence };

    public bool HasEntry => Volatile.Read(ref State.ReceiveTail) != Cursor.ReceiveHead;

    public ReceiveEntry Peek() => Guest.Memory.Ring(Slot)[Cursor.ReceiveHead & (GuestGeometry.RingEntries - 1)];

    /// <summary>Takes the entry at the head of the receive ring, and tells the TOE if it starves.</summary>
    public ReceiveEntry Take()
    {
        var entry = Peek();
        Advance();
        return entry;
    }

    public void Advance()
    {
        Volatile.Write(ref Cursor.ReceiveHead, Cursor.ReceiveHead + 1);
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref State.Starved) != 0)
            Channel.Send(Party.Tovm, new Descriptor { Opcode = Opcode.Credit, Slot = (uint)Slot, StreamId = ConnectionId });
    }

    /// <summary>The bytes of a DATA entry, where they lie.</summary>
    public ReadOnlySpan<byte> Bytes(in ReceiveEntry entry) => new(Guest.Memory.Receive + entry.Offset, (int)entry.Length);

    /// <summary>Reads until the stream ends: by FIN, or by an error, which is returned as a positive errno.</summary>
    public (byte[] Bytes, int Error) ReadToEnd(int atMost = int.MaxValue)
    {
        var read = new MemoryStream();
        while (read.Length < atMost)
        {
            WorkerHarness.Until(() => HasEntry || Volatile.Read(ref State.ClosedRead) != 0);
            if (!HasEntry)
                return (read.ToArray(), (int)State.Error);
            var entry = Peek();
            if (entry.Kind == (uint)ReceiveEntryKind.Data)
                read.Write(Bytes(entry));
            Advance();
            if (entry.Kind == (uint)ReceiveEntryKind.Fin)
                return (read.ToArray(), 0);
            if (entry.Kind == (uint)ReceiveEntryKind.Reset)
                return (read.ToArray(), (int)entry.Length);
        }

        return (read.ToArray(), 0);
    }

    public string ReadText(int length) => System.Text.Encoding.ASCII.GetString(ReadToEnd(length).Bytes);

    /// <summary>Waits for the end by abort, and its errno.</summary>
    public int AwaitAbort()
    {
        WorkerHarness.Until(() => Status == StreamStatus.Aborted || !IsMine);
        return (int)State.Error;
    }

    private long Address(RpcMethod method, IPEndPoint endPoint)
    {
        var address = SharedAddress.From(endPoint);
        return Channel.Call(method, Slot, MemoryMarshal.AsBytes(new ReadOnlySpan<SharedAddress>(in address))).Result;
    }
}
