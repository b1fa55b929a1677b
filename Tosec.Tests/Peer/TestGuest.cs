using System.Runtime.InteropServices;
using Tosec.Tests.Actors.Workers;
using Tosec.Transport.Shm.Attachment;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;
using Tosec.Transport.Shm.Rings;

namespace Tosec.Tests.Peer;

/// <summary>
/// A guest that plays its processes, and unless it has one its agent, directly on the lanes: as honest or as hostile as the test wants.
/// One thread at a time for each channel.
/// </summary>
internal sealed unsafe class TestGuest : IDisposable
{
    private readonly IGuestAttachment _attachment;
    private readonly bool _owned;
    private readonly TestChannel[] _channels;

    /// <param name="site">Whose guest.</param>
    /// <param name="name">Its name.</param>
    /// <param name="agent">The agent's attachment, to be shared with it; null: there is none, and this takes its place.</param>
    public TestGuest(TestSite site, string name, ProcessAttachment? agent)
    {
        Site = site;
        Name = name;
        _owned = agent is null;
        _attachment = agent ?? site.AttachGuest(name);
        _channels = [.. Enumerable.Range(0, Memory.Geometry.Channels).Select(c => new TestChannel(_attachment, c))];
    }

    public TestSite Site { get; }

    public string Name { get; }

    public GuestMemory Memory => _attachment.Memory;

    public IGuestAttachment Attachment => _attachment;

    /// <summary>Channel 0 is the agent's; the others are processes'.</summary>
    public TestChannel Channel(int channel) => _channels[channel];

    /// <summary>Makes a socket; fails the test if the TOE refuses.</summary>
    public GuestSocket Socket(bool ipv6 = false, int channel = 1)
    {
        var result = TrySocket(ipv6, channel, out var socket);
        Assert.True(socket is not null, $"socket: {result}");
        return socket;
    }

    /// <returns>0 or a negative errno.</returns>
    public long TrySocket(bool ipv6, int channel, out GuestSocket? socket)
    {
        var request = new RpcSocket { Family = ipv6 ? 6u : 4u, Type = 1 };
        var (result, id, _) = Channel(channel).Call(RpcMethod.Socket, 0, MemoryMarshal.AsBytes(new ReadOnlySpan<RpcSocket>(in request)));
        socket = result < 0 ? null : new GuestSocket(this, Channel(channel), (int)result, id);
        return Math.Min(result, 0);
    }

    /// <summary>Closes a slot as the agent does when the last reference is gone.</summary>
    public void Close(int slot, ulong connectionId)
    {
        ref var state = ref Memory.State(slot);
        if (Volatile.Read(ref state.ConnectionId) != connectionId)
            return;
        ref var cursor = ref Memory.Cursor(slot);
        if (state.Status == (uint)StreamStatus.Connected && Interlocked.Exchange(ref cursor.FinSent, 1) == 0)
        {
            Channel(0).Send((int)state.FirstHop, new Descriptor
            {
                Opcode = Opcode.Fin,
                Slot = (uint)slot,
                StreamId = connectionId,
                Sequence = cursor.SendSequence,
            });
        }

        Channel(0).Send(Party.Tovm, new Descriptor { Opcode = Opcode.Close, Slot = (uint)slot, StreamId = connectionId });
    }

    /// <summary>Closes everything that is open, as the agent does when the guest's processes end.</summary>
    public void CloseAll()
    {
        if (!_owned)
            return;
        for (var slot = 0; slot < Memory.Geometry.Streams; slot++)
        {
            var id = Volatile.Read(ref Memory.State(slot).ConnectionId);
            if (id != 0)
                Close(slot, id);
        }
    }

    public void Dispose()
    {
        if (_owned)
            _attachment.Dispose();
    }

    internal byte* Edge => Memory.Edge;
}

/// <summary>One process of a test's guest: its lanes, its RPC slot, its send buffers.</summary>
internal sealed unsafe class TestChannel
{
    private readonly IGuestAttachment _attachment;
    private readonly LaneProducer[] _lanes = new LaneProducer[Party.Count];
    private readonly Queue<(ulong Position, int Buffer)>[] _underWay = new Queue<(ulong, int)>[Party.Count];
    private readonly Stack<int> _small = new();
    private readonly Stack<int> _large = new();
    private LaneConsumer _replies;
    private ulong _calls;

    public TestChannel(IGuestAttachment attachment, int number)
    {
        _attachment = attachment;
        Number = number;
        var memory = attachment.Memory;
        for (var p = 0; p < Party.Count; p++)
        {
            _lanes[p] = memory.EdgeProducer(number, p);
            _underWay[p] = new Queue<(ulong, int)>();
        }

        _replies = new LaneConsumer(memory.Edge + GuestGeometry.EdgeReplyLane(number), GuestGeometry.ReplyLaneSlots);
        for (var i = memory.Geometry.SendSmall - 1; i >= 0; i--)
            _small.Push(i);
        for (var i = memory.Geometry.SendLarge - 1; i >= 0; i--)
            _large.Push(memory.Geometry.SendSmall + i);
    }

    public int Number { get; }

    private GuestMemory Memory => _attachment.Memory;

    /// <summary>Offset of a send buffer of this channel, small ones first.</summary>
    public ulong BufferOffset(int buffer)
    {
        var geometry = Memory.Geometry;
        var first = (ulong)(geometry.EdgeSendPool + Number * geometry.SendBytesPerChannel);
        return buffer < geometry.SendSmall
            ? first + (ulong)buffer * GuestGeometry.SmallBuffer
            : first + (ulong)geometry.SendSmall * GuestGeometry.SmallBuffer + (ulong)(buffer - geometry.SendSmall) * GuestGeometry.LargeBuffer;
    }

    public Span<byte> Buffer(int buffer) => new(Memory.Edge + BufferOffset(buffer),
        buffer < Memory.Geometry.SendSmall ? GuestGeometry.SmallBuffer : GuestGeometry.LargeBuffer);

    /// <summary>Publishes a descriptor and wakes its reader. False: the lane is full.</summary>
    public bool TrySend(int party, in Descriptor descriptor)
    {
        if (_lanes[party].TryPublish(descriptor) != LaneStatus.Done)
            return false;
        Wake(party);
        return true;
    }

    public void Send(int party, Descriptor descriptor) => WorkerHarness.Until(() => TrySend(party, descriptor));

    /// <summary>Says that our lane has news, and rings if its reader sleeps.</summary>
    public void Wake(int party)
    {
        ref var state = ref Memory.EdgeParty(party);
        Interlocked.Or(ref state.Pending[Number / 64], 1ul << (Number % 64));
        if (Volatile.Read(ref state.Sleeping) != 0 && Interlocked.Exchange(ref state.Sleeping, 0) != 0)
            _attachment.RingEdge(party, 0);
    }

    /// <summary>Sends a payload in one of this channel's buffers. False: no buffer is free, or the lane is full.</summary>
    public bool TrySendPayload(int party, Descriptor descriptor, ReadOnlySpan<byte> bytes, bool large)
    {
        Reap();
        var free = large ? _large : _small;
        if (!free.TryPop(out var buffer))
            return false;
        bytes.CopyTo(Buffer(buffer));
        descriptor.Opcode = Opcode.Payload;
        descriptor.Offset = BufferOffset(buffer);
        descriptor.Length = (uint)bytes.Length;
        if (!TrySend(party, descriptor))
        {
            free.Push(buffer);
            return false;
        }

        _underWay[party].Enqueue((_lanes[party].Tail, buffer));
        return true;
    }

    /// <summary>One request at a time: sends it, waits for its reply.</summary>
    public (long Result, ulong Extra, byte[] Reply) Call(RpcMethod method, int slot, ReadOnlySpan<byte> request, ulong argument = 0)
    {
        var offset = (ulong)GuestGeometry.EdgeRpc(Number, 0);
        request.CopyTo(new Span<byte>(Memory.Edge + offset, GuestGeometry.RpcReplyOffset));
        var call = ++_calls;
        Send(Party.Tovm, new Descriptor
        {
            Opcode = Opcode.Rpc,
            Code = (ushort)method,
            Slot = (uint)slot,
            Offset = offset,
            Length = (uint)request.Length,
            Correlation = call,
            Arg0 = argument,
        });
        var reply = default(Descriptor);
        WorkerHarness.Until(() => TryTakeReply(out reply) && reply.Correlation == call);
        return ((long)reply.Arg0, reply.Arg1, new ReadOnlySpan<byte>(Memory.Edge + offset + GuestGeometry.RpcReplyOffset, (int)reply.Length).ToArray());
    }

    public bool TryTakeReply(out Descriptor reply)
    {
        if (_replies.TryPeek(out reply) != LaneStatus.Done)
            return false;
        _replies.Advance();
        return true;
    }

    // A buffer is free again when its reader has moved past its descriptor.
    private void Reap()
    {
        for (var p = 0; p < Party.Count; p++)
        {
            var head = Volatile.Read(ref ((LaneHeader*)(Memory.Edge + GuestGeometry.EdgeLane(Number, p)))->Head);
            while (_underWay[p].TryPeek(out var oldest) && oldest.Position <= head)
            {
                (oldest.Buffer < Memory.Geometry.SendSmall ? _small : _large).Push(oldest.Buffer);
                _underWay[p].Dequeue();
            }
        }
    }
}
