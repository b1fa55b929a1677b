using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;

namespace Tosec.Actors.Serialization;

/// <summary>
/// Stands in for Akka's JSON serializer, under its number: that one makes whatever type the bytes name. Refuses everything.
/// </summary>
public sealed class RefusingSerializer : Akka.Serialization.Serializer
{
    /// <summary>Akka hands over the settings of the serializer that is replaced.</summary>
    public RefusingSerializer(ExtendedActorSystem system, Config settings)
        : base(system) => _ = settings;

    /// <summary>The number of the serializer that is replaced.</summary>
    public override int Identifier => 1;

    public override bool IncludeManifest => true;

    /// <exception cref="SerializationException">Always.</exception>
    public override byte[] ToBinary(object obj) =>
        throw new SerializationException($"{obj.GetType()} does not implement {nameof(IClusterMessage)} and cannot be sent");

    /// <exception cref="SerializationException">Always.</exception>
    public override object FromBinary(byte[] bytes, Type type) =>
        throw new SerializationException("a message by a serializer that is not spoken here");
}
