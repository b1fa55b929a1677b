using CsCheck;
using Tosec.Transport.Shm.Interop;
using Tosec.Transport.Shm.Layout;
using Tosec.Transport.Shm.Mapping;

namespace Tosec.Tests.Transport.Shm.Mapping;

/// <summary>Opening a segment is parsing hostile input: it opens with sane counts, or is refused with the field that is wrong.</summary>
public sealed unsafe class SegmentSpecs : IDisposable
{
    private readonly SharedGuest _guest = new();

    public static TheoryData<SegmentKind> Kinds() => new(Enum.GetValues<SegmentKind>());

    public static TheoryData<string, int, ulong, int> Corruptions() => new()
    {
        // Field of the exception, offset in the header, value, bytes.
        { "magic", 0, 0, 8 },
        { "magic", 0, SegmentHeader.ExpectedMagic + 1, 8 },
        { "layout version", 8, 0x0002_0000, 4 },
        { "layout version", 8, 0, 4 },
        { "kind", 12, 0, 4 },
        { "kind", 12, 4, 4 },
        { "total bytes", 16, 0, 8 },
        { "total bytes", 16, ulong.MaxValue, 8 },
        { "geometry", 40, 0, 4 },
        { "geometry", 40, 257, 4 },
        { "geometry", 40, uint.MaxValue, 4 },
        { "geometry", 44, 0, 4 },
        { "geometry", 44, 32, 4 },
        { "geometry", 44, 65, 4 },
        { "geometry", 44, 131072, 4 },
        { "geometry", 48, 0, 4 },
        { "geometry", 52, uint.MaxValue, 4 },
        { "geometry", 56, (1 << 22) + 1, 4 },
        { "geometry", 60, 0x8000_0000, 4 },
        { "geometry", 64, 0, 4 },
        { "geometry", 68, uint.MaxValue, 4 },
        { "length", 40, 256, 4 },
        { "length", 44, 65536, 4 },
        { "length", 48, 1 << 22, 4 },
    };

    public void Dispose() => _guest.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void It_opens_with_the_counts_and_the_guest_it_was_made_for(SegmentKind kind)
    {
        using var segment = Segment.Open(_guest[kind], kind, writable: true);

        Assert.Equal(kind, segment.Kind);
        Assert.Equal(_guest.Geometry, segment.Geometry);
        Assert.Equal(_guest.Identity, segment.Guest);
        Assert.Equal(_guest.Geometry.SegmentBytes(kind), segment.Length);
    }

    [Theory]
    [MemberData(nameof(Corruptions))]
    public void A_header_that_lies_is_refused_with_the_field(string field, int offset, ulong value, int bytes)
    {
        WriteHeader(_guest.Edge, header => Put(header, offset, value, bytes));

        var refused = Assert.Throws<SegmentException>(() => Segment.Open(_guest.Edge, SegmentKind.Edge, writable: true));

        Assert.Equal("edge", refused.Segment);
        Assert.Equal(field, refused.Field);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(256)]
    [InlineData(4095)]
    public void Memory_without_room_for_a_header_is_refused(long length)
    {
        using var memory = MemoryDescriptor.Create("tosec-test-short", length);

        Assert.Equal("length", Assert.Throws<SegmentException>(() => Segment.Open(memory, SegmentKind.Core, writable: true)).Field);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Memory_shorter_or_longer_than_its_counts_say_is_refused(SegmentKind kind)
    {
        foreach (var length in new[] { 4096, _guest[kind].Length / 2, _guest[kind].Length - 1, _guest[kind].Length + 1, _guest[kind].Length * 2 })
        {
            using var copy = MemoryDescriptor.Create("tosec-test-cut", length);
            using (var from = MappedMemory.Map(_guest[kind], 4096, writable: false))
                WriteHeader(copy, header => new ReadOnlySpan<byte>(from.Address, 256).CopyTo(header));

            Assert.Equal("length", Assert.Throws<SegmentException>(() => Segment.Open(copy, kind, writable: true)).Field);
        }
    }

    [Fact]
    public void A_segment_of_another_kind_is_refused()
    {
        Assert.Equal("kind", Assert.Throws<SegmentException>(() => Segment.Open(_guest.Edge, SegmentKind.Core, writable: true)).Field);
    }

    [Fact]
    public void A_segment_of_another_guest_or_time_is_refused()
    {
        using var other = new SharedGuest();
        using var core = Segment.Open(_guest.Core, SegmentKind.Core, writable: true);

        var refused = Assert.Throws<SegmentException>(() => Segment.Open(other.Edge, SegmentKind.Edge, writable: true, trusted: core));

        Assert.Equal("epoch", refused.Field);
        Assert.Throws<SegmentException>(() => GuestMemory.OpenTrusted(other.Edge, _guest.Receive, _guest.Core));
        Assert.Throws<SegmentException>(() => GuestMemory.OpenTrusted(_guest.Edge, other.Receive, _guest.Core));
    }

    [Fact]
    public void Counts_that_the_guest_wrote_into_its_header_are_not_used_by_a_trusted_party()
    {
        WriteHeader(_guest.Edge, header =>
        {
            Put(header, 40, 1, 4);
            Put(header, 44, 65536, 4);
            Put(header, 48, uint.MaxValue, 4);
            Put(header, 32, 99, 4);
            header.Slice(80, 32).Fill((byte)'x');
        });

        using var memory = _guest.OpenTrusted();

        Assert.Equal(_guest.Geometry, memory.Geometry);
        Assert.Equal(_guest.Identity, memory.Guest);
    }

    [Fact]
    public void A_name_without_an_end_or_with_bytes_that_are_no_text_is_read_within_its_field()
    {
        WriteHeader(_guest.Edge, header => header.Slice(80, 32).Fill(0xff));

        using var segment = Segment.Open(_guest.Edge, SegmentKind.Edge, writable: false);

        Assert.Equal(32, segment.Guest.Name.Length);
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Any_header_opens_with_sane_counts_or_is_refused(SegmentKind kind)
    {
        var valid = new byte[SegmentHeader.ByteSize];
        WriteHeader(_guest[kind], header => header.CopyTo(valid));
        // Whole fields, because single random bytes never get past the first check; values at the borders and anywhere.
        var values = Gen.OneOf(Gen.ULong, Gen.ULong[0, 300], Gen.OneOf<ulong>(0ul, 1, 64, 128, 256, 65536, 1 << 22, int.MaxValue, uint.MaxValue,
            ulong.MaxValue, SegmentHeader.ExpectedMagic, SegmentHeader.CurrentVersion, 0x0001_0007));
        var change = Gen.Select(Gen.Int[0, 31].Select(i => i * 4), values, Gen.OneOf(1, 2, 4, 8));

        change.List[1, 4].Sample(changes =>
        {
            WriteHeader(_guest[kind], header =>
            {
                valid.CopyTo(header);
                foreach (var (offset, value, bytes) in changes)
                    Put(header, offset, value, bytes);
            });
            try
            {
                using var segment = Segment.Open(_guest[kind], kind, writable: true);
                AssertSane(segment, kind);
            }
            catch (SegmentException)
            {
                // The other promise.
            }
        }, iter: 5000, threads: 1);
    }

    [Fact]
    public void A_header_that_changes_while_it_is_opened_is_refused_or_opened_with_one_sane_copy()
    {
        using var memory = MappedMemory.Map(_guest.Edge, _guest.Edge.Length, writable: true);
        var header = (nint)memory.Address;
        var stop = false;
        var liar = new Thread(() =>
        {
            for (var i = 0u; !Volatile.Read(ref stop); i++)
            {
                ref var h = ref *(SegmentHeader*)header;
                Volatile.Write(ref h.Channels, i % 3 == 0 ? uint.MaxValue : 3);
                Volatile.Write(ref h.Streams, i % 5 == 0 ? 65536u : 64);
                Volatile.Write(ref h.SendLarge, i % 7 == 0 ? 1u << 22 : 2);
            }
        });
        liar.Start();
        var (opened, refused) = (0, 0);
        try
        {
            for (var i = 0; i < 3000 || ((opened == 0 || refused == 0) && i < 1_000_000); i++)
            {
                try
                {
                    using var segment = Segment.Open(_guest.Edge, SegmentKind.Edge, writable: true);
                    AssertSane(segment, SegmentKind.Edge);
                    opened++;
                }
                catch (SegmentException)
                {
                    refused++;
                }
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            liar.Join();
        }

        Assert.True(opened > 0 && refused > 0, $"inconclusive: {opened} opened, {refused} refused");
    }

    [Fact]
    public void What_changes_in_a_header_afterwards_changes_nothing()
    {
        using var segment = Segment.Open(_guest.Edge, SegmentKind.Edge, writable: true);
        var epoch = segment.Epoch;

        WriteHeader(_guest.Edge, header => header.Fill(0xee));

        Assert.Equal(_guest.Geometry, segment.Geometry);
        Assert.Equal(_guest.Identity, segment.Guest);
        Assert.Equal(epoch, segment.Epoch);
        Assert.Equal(_guest.Geometry.SegmentBytes(SegmentKind.Edge), segment.Length);
    }

    [Fact]
    public void A_minor_version_that_is_not_known_opens()
    {
        WriteHeader(_guest.Edge, header => Put(header, 8, SegmentHeader.CurrentVersion + 9, 4));

        Segment.Open(_guest.Edge, SegmentKind.Edge, writable: true).Dispose();
    }

    private void AssertSane(Segment segment, SegmentKind kind)
    {
        var g = segment.Geometry;
        Assert.InRange(g.Channels, 1, GuestGeometry.MaxChannels);
        Assert.InRange(g.Streams, GuestGeometry.MinStreams, GuestGeometry.MaxStreams);
        Assert.All([g.SendSmall, g.SendLarge, g.SealedSmall, g.SealedLarge, g.ReceiveSmall, g.ReceiveLarge], n => Assert.InRange(n, 1, 1 << 22));
        Assert.Equal(_guest[kind].Length, g.SegmentBytes(kind));
        Assert.Equal(_guest[kind].Length, segment.Length);
        Assert.InRange(segment.Guest.HostNumber, 0, 65535);
        Assert.InRange(segment.Guest.Number, 0, int.MaxValue);
    }

    private static void Put(Span<byte> header, int offset, ulong value, int bytes)
    {
        for (var i = 0; i < bytes; i++)
            header[offset + i] = (byte)(value >> (8 * i));
    }

    private delegate void Change(Span<byte> header);

    private static void WriteHeader(MemoryDescriptor descriptor, Change change)
    {
        using var memory = MappedMemory.Map(descriptor, 4096, writable: true);
        change(new Span<byte>(memory.Address, SegmentHeader.ByteSize));
    }
}
