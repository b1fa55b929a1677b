using System.Collections;
using System.Diagnostics;
using System.Runtime.Serialization;
using Akka.Actor;
using CsCheck;
using Serilog.Core;
using Tosec.Actors.Cluster;
using Tosec.Actors.Serialization;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;

namespace Tosec.Tests.Actors.Serialization;

public sealed class ClusterMessageSerializerTests : IDisposable
{
    private static readonly NodeAnnouncement _announcement = new("waf1", "svm", 7, "waf", ["a", "b"]);

    private static readonly IReadOnlyList<IClusterMessage> _examples = [_announcement, AnnouncementRequest.Instance];

    private readonly ExtendedActorSystem _system = (ExtendedActorSystem)ActorSystemFactory.Create(
        NodeSettingsLoader.Parse("n.conf", "tosec.node.name = n1\ntosec.node.role = host\ntosec.cluster.join = off\n"), Logger.None);

    private readonly ClusterMessageSerializer _serializer;

    public ClusterMessageSerializerTests() => _serializer = new ClusterMessageSerializer(_system);

    public void Dispose() => _system.Terminate().Wait();

    /// <summary>A type's place is its number on the wire: this list only ever grows at its end.</summary>
    [Fact]
    public void The_known_types_keep_their_numbers()
    {
        Assert.Equal(
            ["Tosec.Actors.Cluster.NodeAnnouncement", "Tosec.Actors.Cluster.AnnouncementRequest"],
            KnownTypes.All.Select(type => type.FullName));
        Assert.Equal(7640, _serializer.Identifier);
    }

    [Fact]
    public void All_messages_that_travel_are_known_sealed_and_tried_here()
    {
        var marked = typeof(IClusterMessage).Assembly.GetTypes().Where(type => type.IsClass && type.IsAssignableTo(typeof(IClusterMessage)));
        Assert.Equal(KnownTypes.All.ToHashSet(), marked.ToHashSet());
        Assert.All(KnownTypes.All, type => Assert.True(type.IsSealed));
        Assert.Equal(KnownTypes.All, _examples.Select(example => example.GetType()));
    }

    [Fact]
    public void Messages_come_back_as_they_were_sent()
    {
        foreach (var example in _examples)
        {
            var read = _system.Serialization.Deserialize(
                _system.Serialization.Serialize(example), _serializer.Identifier, "");
            Assert.IsType(example.GetType(), read);
            Assert.Equal(Shown(example), Shown(read));
        }
    }

    [Fact]
    public void Only_known_types_are_written()
    {
        Assert.Throws<SerializationException>(() => _serializer.ToBinary("text"));
        Assert.Throws<SerializationException>(() => _serializer.ToBinary(new Unlisted(1)));
        Assert.Throws<SerializationException>(() => _serializer.ToBinary(_announcement with { Guests = [new string('x', ClusterMessageSerializer.MaxBytes)] }));
    }

    [Fact]
    public void Hostile_types_are_refused_by_whoever_wrote_them()
    {
        var anything = new Hyperion.Serializer(new Hyperion.SerializerOptions(false, false, null, null, null, false, null, false, null));
        object[] hostile =
        [
            new FileInfo("/etc/passwd"), new Unlisted(1), "text", 7,
            new object[] { new FileInfo("/etc/passwd") }, new List<object> { new Unlisted(2) }, new Dictionary<string, object> { ["x"] = new FileInfo("/x") },
            new ArrayList { 1 }, new string[] { "a" },
        ];
        foreach (var value in hostile)
        {
            var stream = new MemoryStream();
            anything.Serialize(value, stream);
            Assert.Throws<SerializationException>(() => _serializer.FromBinary(stream.ToArray(), typeof(object)));
        }
    }

    [Fact]
    public void Bytes_that_are_cut_off_or_go_on_are_refused()
    {
        var bytes = _serializer.ToBinary(_announcement);
        for (var length = 0; length < bytes.Length; length++)
            Assert.Throws<SerializationException>(() => _serializer.FromBinary(bytes[..length], typeof(object)));
        Assert.Throws<SerializationException>(() => _serializer.FromBinary([.. bytes, 0], typeof(object)));
        Assert.Throws<SerializationException>(() => _serializer.FromBinary(new byte[ClusterMessageSerializer.MaxBytes + 1], typeof(object)));
    }

    [Fact]
    public void Announcements_of_all_contents_come_back() =>
        Gen.Select(Gen.String, Gen.String, Gen.Int, Gen.String, Gen.String.Array[0, 8]).Sample((name, role, host, type, guests) =>
        {
            var sent = new NodeAnnouncement(name, role, host, type, guests);
            Assert.Equal(Shown(sent), Shown(_serializer.FromBinary(_serializer.ToBinary(sent), typeof(object))));
        });

    [Fact]
    public void Nothing_else_can_be_sent_and_Akkas_JSON_is_not_spoken()
    {
        Assert.IsType<ClusterMessageSerializer>(_system.Serialization.FindSerializerFor(_announcement));
        Assert.ThrowsAny<Exception>(() => _system.Serialization.Serialize(new Unlisted(1)));
        var json = "{\"$type\":\"System.IO.FileInfo, System.Private.CoreLib\",\"OriginalPath\":\"/x\"}"u8.ToArray();
        Assert.Throws<SerializationException>(() => _system.Serialization.Deserialize(json, 1, typeof(FileInfo).AssemblyQualifiedName));
    }

    private static string Shown(object message) => System.Text.Json.JsonSerializer.Serialize(message, message.GetType());

    private sealed record Unlisted(int Value);
}
