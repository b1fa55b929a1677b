using System.Runtime.InteropServices;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Rings;

namespace Tosec.Tests.Transport.Shm.Rings;

/// <summary>The bytes of one lane, and both of its ends.</summary>
internal sealed unsafe class LaneMemory : IDisposable
{
    private readonly byte* _lane;

    /// <param name="capacity">Slots.</param>
    /// <param name="start">Positions that the lane begins with.</param>
    public LaneMemory(int capacity, ulong start = 0)
    {
        Capacity = capacity;
        var bytes = (nuint)(LaneHeader.ByteSize + capacity * Descriptor.ByteSize);
        _lane = (byte*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(_lane, bytes);
        Header.Tail = Header.Head = start;
    }

    public int Capacity { get; }

    public ref LaneHeader Header => ref *(LaneHeader*)_lane;

    public ref Descriptor Slot(ulong position) =>
        ref ((Descriptor*)(_lane + LaneHeader.ByteSize))[position & (uint)(Capacity - 1)];

    public LaneProducer Producer() => new(_lane, Capacity);

    public LaneConsumer Consumer() => new(_lane, Capacity);

    public void Dispose() => NativeMemory.AlignedFree(_lane);

    /// <summary>A descriptor whose every field follows from its number.</summary>
    public static Descriptor Numbered(ulong n) => new()
    {
        Opcode = (Opcode)(byte)n,
        Flags = (byte)(n >> 8),
        Code = (ushort)(n * 3),
        Slot = (uint)(n * 5),
        StreamId = n * 7,
        Sequence = n,
        Offset = n * 11,
        Length = (uint)(n * 13),
        Generation = (uint)(n * 17),
        Correlation = ~n,
        Arg0 = n ^ 0x5555_5555_5555_5555,
        Arg1 = n * 0x9E37_79B9_7F4A_7C15,
    };

    public static bool IsNumbered(in Descriptor descriptor, ulong n)
    {
        var expected = Numbered(n);
        return MemoryMarshal.AsBytes(new ReadOnlySpan<Descriptor>(in descriptor))
            .SequenceEqual(MemoryMarshal.AsBytes(new ReadOnlySpan<Descriptor>(in expected)));
    }
}
