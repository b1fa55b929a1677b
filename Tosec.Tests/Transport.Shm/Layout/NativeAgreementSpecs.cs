using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text.RegularExpressions;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Tests.Transport.Shm.Layout;

/// <summary>What the C compiler makes of <c>tosec_layout.h</c> and <c>tosec_agent.h</c> is what the CLR makes of the structs here.</summary>
public sealed partial class NativeAgreementSpecs : IDisposable
{
    private static readonly Dictionary<string, Type> _structs = new()
    {
        ["tosec_segment_header"] = typeof(SegmentHeader),
        ["tosec_descriptor"] = typeof(Descriptor),
        ["tosec_address"] = typeof(SharedAddress),
        ["tosec_rpc_socket"] = typeof(RpcSocket),
        ["tosec_rpc_option"] = typeof(RpcOption),
        ["tosec_lane_header"] = typeof(LaneHeader),
        ["tosec_edge_party"] = typeof(EdgePartyState),
        ["tosec_channel_header"] = typeof(ChannelHeader),
        ["tosec_stream_cursor"] = typeof(StreamCursor),
        ["tosec_stream_state"] = typeof(StreamState),
        ["tosec_ring_entry"] = typeof(ReceiveEntry),
        ["tosec_agent_packet"] = typeof(AgentPacket),
    };

    private readonly NativeTool _printer = new("print_layout");

    public static TheoryData<int, int, int, int, int, int> Geometries() => new()
    {
        { 1, 64, 1, 1, 1, 1 },
        { 16, 256, 32, 8, 100, 10 },
        { 5, 128, 7, 3, 1001, 33 },
        { 256, 65536, 64, 16, 65536, 4096 },
        { 256, 65536, 1 << 22, 1 << 22, 1 << 22, 1 << 22 },
    };

    public void Dispose() => _printer.Dispose();

    [Fact]
    public void Every_name_that_C_prints_has_the_same_value_here_and_none_is_missing()
    {
        var native = Parse(_printer.Run());
        var ours = StructValues().Concat(Constants()).Concat(Enumerations()).ToDictionary();

        Assert.Empty(native.Keys.Except(ours.Keys));
        Assert.Empty(ours.Keys.Except(native.Keys));
        Assert.All(native, pair => Assert.True(ours[pair.Key] == pair.Value, $"{pair.Key}: C {pair.Value}, C# {ours[pair.Key]}"));
    }

    [Theory]
    [MemberData(nameof(Geometries))]
    public void Places_that_follow_from_the_counts_are_the_same(
        int channels, int streams, int sendSmall, int sendLarge, int receiveSmall, int receiveLarge)
    {
        var g = new GuestGeometry
        {
            Channels = channels,
            Streams = streams,
            SendSmall = sendSmall,
            SendLarge = sendLarge,
            SealedSmall = 1,
            SealedLarge = 1,
            ReceiveSmall = receiveSmall,
            ReceiveLarge = receiveLarge,
        };
        var channel = channels - 1;
        var sends = g.EdgeSendPool + channel * g.SendBytesPerChannel;
        var ours = new Dictionary<string, ulong>
        {
            ["tosec_edge_channel(channel)"] = (ulong)GuestGeometry.EdgeChannel(channel),
            ["tosec_edge_lane(channel, party)"] = (ulong)GuestGeometry.EdgeLane(channel, Party.Count - 1),
            ["tosec_edge_reply_lane(channel)"] = (ulong)GuestGeometry.EdgeReplyLane(channel),
            ["tosec_edge_rpc(channel, rpc)"] = (ulong)GuestGeometry.EdgeRpc(channel, GuestGeometry.RpcSlots - 1),
            ["tosec_edge_cursors(h)"] = (ulong)g.EdgeCursors,
            ["tosec_edge_send_pool(h)"] = (ulong)g.EdgeSendPool,
            ["tosec_send_bytes_per_channel(h)"] = (ulong)g.SendBytesPerChannel,
            ["tosec_edge_send_small(h, channel, small)"] = (ulong)(sends + (sendSmall - 1L) * 2048),
            ["tosec_edge_send_large(h, channel, large)"] = (ulong)(sends + sendSmall * 2048L + (sendLarge - 1L) * 32768),
            ["tosec_edge_end(h)"] = (ulong)g.EdgeEnd,
            ["tosec_receive_rings(h)"] = (ulong)g.ReceiveRings,
            ["tosec_receive_ring(h, slot)"] = (ulong)g.ReceiveRing(streams - 1),
            ["tosec_receive_pool(h)"] = (ulong)g.ReceivePool,
            ["tosec_receive_end(h)"] = (ulong)g.ReceiveEnd,
        };

        int[] counts = [channels, streams, sendSmall, sendLarge, receiveSmall, receiveLarge];
        var native = Parse(_printer.Run([.. counts.Select(c => c.ToString(CultureInfo.InvariantCulture))]))
            .Where(pair => pair.Key.Contains('(')).ToDictionary();

        Assert.Equal(ours.OrderBy(p => p.Key), native.OrderBy(p => p.Key));
    }

    private static Dictionary<string, ulong> Parse(string output) => output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
        .Select(line => (Name: line[..line.LastIndexOf(' ')], Value: ulong.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)))
        .ToDictionary(p => p.Name, p => p.Value);

    private static IEnumerable<KeyValuePair<string, ulong>> StructValues()
    {
        // Read as a plain number here.
        yield return new("tosec_rpc_listen", 4);
        yield return new("tosec_rpc_listen.backlog", 0);
        foreach (var (name, type) in _structs)
        {
            yield return new(name, (ulong)(int)typeof(Unsafe).GetMethod(nameof(Unsafe.SizeOf))!.MakeGenericMethod(type).Invoke(null, null)!);
            foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public))
            {
                var native = type == typeof(StreamState) && field.Name == nameof(StreamState.Status) ? "state" : Snake(field.Name);
                yield return new($"{name}.{native}", (ulong)Marshal.OffsetOf(type, field.Name));
            }
        }
    }

    private static IEnumerable<KeyValuePair<string, ulong>> Constants()
    {
        yield return new("TOSEC_MAGIC", SegmentHeader.ExpectedMagic);
        yield return new("TOSEC_LAYOUT_VERSION", SegmentHeader.CurrentVersion);
        yield return new("TOSEC_AGENT_VERSION", AgentPacket.CurrentVersion);
        yield return new("TOSEC_PARTIES", Party.Count);
        yield return new("TOSEC_PARTY_GUEST", Party.Guest);
        yield return new("TOSEC_PARTY_TOVM", Party.Tovm);
        yield return new("TOSEC_PARTY_SVM_FIRST", Party.FirstSvm);
        string[] coreOnly =
        [
            nameof(GuestGeometry.Page), nameof(GuestGeometry.CorePartyRecords), nameof(GuestGeometry.CoreParties),
            nameof(GuestGeometry.CoreLanes), nameof(GuestGeometry.CoreLaneBytes), nameof(GuestGeometry.CoreRecords),
        ];
        foreach (var constant in typeof(GuestGeometry).GetFields(BindingFlags.Static | BindingFlags.Public)
            .Where(f => f.IsLiteral && !coreOnly.Contains(f.Name)))
            yield return new($"TOSEC_{Snake(constant.Name).ToUpperInvariant()}", (ulong)(int)constant.GetRawConstantValue()!);
    }

    private static IEnumerable<KeyValuePair<string, ulong>> Enumerations() =>
        Named<SegmentKind>("TOSEC_").Concat(Named<Opcode>("TOSEC_OP_").Where(p => p.Value != 0)).Concat(Named<RpcMethod>("TOSEC_RPC_"))
            .Concat(Named<StreamStatus>("TOSEC_STREAM_")).Concat(Named<ReceiveEntryKind>("TOSEC_ENTRY_"))
            .Concat(Named<AgentMessage>("TOSEC_AGENT_"));

    private static IEnumerable<KeyValuePair<string, ulong>> Named<T>(string prefix) where T : struct, Enum =>
        Enum.GetValues<T>().Select(v => new KeyValuePair<string, ulong>(
            prefix + Snake(v.ToString()).ToUpperInvariant(), Convert.ToUInt64(v, CultureInfo.InvariantCulture)));

    private static string Snake(string name) => Border().Replace(name, "_").ToLowerInvariant();

    [GeneratedRegex("(?<=[a-z])(?=[A-Z])")]
    private static partial Regex Border();
}
