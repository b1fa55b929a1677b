using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Transport.Shm.Layout;

/// <summary>Every shared struct lies as it did when peers were built with it, and as its own table says.</summary>
public sealed partial class LayoutGoldenSpecs
{
    private static readonly Dictionary<Type, string> _golden = new()
    {
        [typeof(SegmentHeader)] = """
            256 Magic 0 8 LayoutVersion 8 4 Kind 12 4 TotalBytes 16 8 Epoch 24 8 GuestNumber 32 4 HostNumber 36 4 Channels 40 4 Streams 44 4
            SendSmall 48 4 SendLarge 52 4 SealedSmall 56 4 SealedLarge 60 4 ReceiveSmall 64 4 ReceiveLarge 68 4 Vectors 72 4 Parties 76 4
            GuestName 80 32
            """,
        [typeof(Descriptor)] = """
            64 Opcode 0 1 Flags 1 1 Code 2 2 Slot 4 4 StreamId 8 8 Sequence 16 8 Offset 24 8 Length 32 4 Generation 36 4 Correlation 40 8
            Arg0 48 8 Arg1 56 8
            """,
        [typeof(LaneHeader)] = "256 Tail 0 8 Head 128 8",
        [typeof(EdgePartyState)] = "256 Sleeping 0 4 Heartbeat 8 8 Incarnation 16 8 Pending 128 32",
        [typeof(CorePartyState)] = "256 Sleeping 0 4 PoolWaiting 4 4 Heartbeat 8 8 Incarnation 16 8 Pending 128 8",
        [typeof(PartyRecord)] = "64 Name 0 32 Type 32 32",
        [typeof(ChannelHeader)] = "256 Sleeping 0 4 Pid 4 4 Session 8 8",
        [typeof(StreamCursor)] = """
            128 ReceiveHead 0 8 ReceiveOffset 8 4 ReceiveLock 12 4 ReadableToken 16 4 Channel 20 4 SendSequence 64 8 SendPosition 72 8
            SendLock 80 4 WantWrite 84 4 FinSent 88 4
            """,
        [typeof(StreamState)] = """
            256 ConnectionId 0 8 Status 8 4 Error 12 4 FirstHop 16 4 Starved 20 4 SendLimit 24 8 Local 32 24 Family 56 4 Type 60 4
            Remote 64 24 ClosedRead 88 4 ReceiveTail 128 8
            """,
        [typeof(StreamRecord)] = """
            256 ConnectionId 0 8 Initiator 8 1 PathLength 9 1 Sealed 10 1 Bypass 11 1 Closing 12 1 Path 16 8 Guest 24 24 Peer 48 24
            OpenedAt 72 8 HoldLimit 80 4 HoldDeadline 84 4 ChainName 96 32
            """,
        [typeof(ReceiveEntry)] = "16 Offset 0 8 Length 8 4 Kind 12 4",
        [typeof(SharedAddress)] = "24 Family 0 2 Port 2 2 Scope 4 4 Bytes 8 16",
        [typeof(RpcSocket)] = "8 Family 0 4 Type 4 4",
        [typeof(RpcOption)] = "16 Level 0 4 Name 4 4 Length 8 4",
        [typeof(AgentPacket)] = """
            56 Type 0 4 Version 4 4 Pid 8 4 Channel 12 4 Session 16 8 ConnectionId 24 8 Slot 32 4 Parties 36 4 Error 40 4
            ByRegister 44 4 Link 48 4
            """,
    };

    private static IEnumerable<Type> SharedStructs() => typeof(SegmentHeader).Assembly.GetTypes().Where(t =>
        t is { IsValueType: true, IsEnum: false, IsNested: false } && t.Namespace == typeof(SegmentHeader).Namespace);

    public static TheoryData<string> Structs() => new(SharedStructs().Select(t => t.Name));

    [Fact]
    public void Every_struct_of_the_layout_is_pinned()
    {
        Assert.Equal(_golden.Keys.Select(t => t.Name).Order(), SharedStructs().Select(t => t.Name).Order());
    }

    [Theory]
    [MemberData(nameof(Structs))]
    public void Size_and_every_offset_are_what_they_were(string name)
    {
        var type = SharedStructs().Single(t => t.Name == name);

        Assert.Equal(string.Join(' ', _golden[type].Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries)), Describe(type));
    }

    [Theory]
    [MemberData(nameof(Structs))]
    public void The_table_in_the_comment_says_the_same(string name)
    {
        var type = SharedStructs().Single(t => t.Name == name);
        var documentation = XDocument.Load(Path.ChangeExtension(typeof(SegmentHeader).Assembly.Location, ".xml"));
        var table = documentation.Descendants("member").Single(m => (string?)m.Attribute("name") == $"T:{type.FullName}")
            .Descendants("code").Single().Value;
        var rows = table.Split('\n').Select(line => Row().Match(line)).Where(m => m.Success)
            .Select(m => $"{m.Groups[3].Value} {m.Groups[1].Value} {m.Groups[2].Value}");

        Assert.Equal(Describe(type), $"{Size(type)} {string.Join(' ', rows)}");
    }

    [Fact]
    public void No_two_fields_of_a_struct_overlap()
    {
        foreach (var type in SharedStructs())
        {
            var end = 0;
            foreach (var field in Fields(type))
            {
                Assert.True(Offset(type, field) >= end, $"{type.Name}.{field.Name}");
                Assert.Equal(0, Offset(type, field) % Math.Min(8, Alignment(field)));
                end = Offset(type, field) + FieldSize(field);
            }

            Assert.True(end <= Size(type), type.Name);
        }
    }

    [Fact]
    public void What_different_parties_write_often_lies_128_bytes_apart()
    {
        Assert.True(Distance<LaneHeader>(nameof(LaneHeader.Tail), nameof(LaneHeader.Head)) >= 128);
        Assert.True(Distance<EdgePartyState>(nameof(EdgePartyState.Incarnation), nameof(EdgePartyState.Pending)) >= 104);
        Assert.True(Distance<StreamState>(nameof(StreamState.SendLimit), nameof(StreamState.ReceiveTail)) >= 104);
    }

    private static int Distance<T>(string first, string second) =>
        Offset(typeof(T), typeof(T).GetField(second)!) - Offset(typeof(T), typeof(T).GetField(first)!);

    private static string Describe(Type type) =>
        $"{Size(type)} {string.Join(' ', Fields(type).Select(f => $"{f.Name} {Offset(type, f)} {FieldSize(f)}"))}";

    private static IEnumerable<FieldInfo> Fields(Type type) =>
        type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic).OrderBy(f => Offset(type, f));

    private static int Offset(Type type, FieldInfo field) => (int)Marshal.OffsetOf(type, field.Name);

    private static int FieldSize(FieldInfo field) => Size(field.FieldType);

    private static int Alignment(FieldInfo field) => field.GetCustomAttribute<FixedBufferAttribute>() is { } buffer
        ? Size(buffer.ElementType)
        : field.FieldType == typeof(SharedAddress) ? 4 : FieldSize(field);

    private static int Size(Type type) =>
        (int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!;

    [GeneratedRegex(@"^\s*(\d+)\s+(\d+)\s+(\w+)")]
    private static partial Regex Row();
}
