using System.Runtime.Serialization;
using Akka.Actor;
using Hyperion;

namespace Tosec.Actors.Serialization;

/// <summary>
/// Akka's serializer for <see cref="IClusterMessage"/>, by Hyperion: known types only, everything else refused on both sides.
/// Thread safe.
/// </summary>
/// <remarks>
/// Hyperion believes the lengths it reads, so altered bytes can make it allocate without bound. It is spoken only between mutually
/// authenticated nodes of one operator, never with a guest.
/// </remarks>
public sealed class ClusterMessageSerializer : Akka.Serialization.Serializer
{
    /// <summary>Largest message written or read, in bytes.</summary>
    public const int MaxBytes = 256 << 10;

    private readonly Serializer _hyperion;

    public ClusterMessageSerializer(ExtendedActorSystem system)
        : base(system)
    {
        _hyperion = new Serializer(new SerializerOptions(
            versionTolerance: false,
            preserveObjectReferences: false,
            surrogates: [],
            serializerFactories: null,
            knownTypes: KnownTypes.All,
            ignoreISerializable: true,
            packageNameOverrides: null,
            disallowUnsafeTypes: true,
            typeFilter: new AllowedTypes(KnownTypes.All.Concat(KnownTypes.Parts))));
    }

    /// <summary>Written before every message on the wire; never changes. Akka's own are below 40.</summary>
    public override int Identifier => 7640;

    public override bool IncludeManifest => false;

    /// <exception cref="SerializationException">The type is not known, or the message is too large.</exception>
    public override byte[] ToBinary(object obj)
    {
        if (!KnownTypes.Contains(obj.GetType()))
            throw new SerializationException($"{obj.GetType()} is not among the types that travel between nodes");
        using var stream = new MemoryStream(256);
        _hyperion.Serialize(obj, stream);
        if (stream.Length > MaxBytes)
            throw new SerializationException($"a {obj.GetType().Name} of {stream.Length} bytes; at most {MaxBytes} travel");
        return stream.ToArray();
    }

    /// <exception cref="SerializationException">The bytes are too many, damaged, or of a type that is not known.</exception>
    public override object FromBinary(byte[] bytes, Type type)
    {
        if (bytes.Length > MaxBytes)
            throw new SerializationException($"a message of {bytes.Length} bytes; at most {MaxBytes} travel");
        object? message;
        try
        {
            using var stream = new MemoryStream(bytes, writable: false);
            message = _hyperion.Deserialize<object>(stream);
            if (stream.Position != stream.Length)
                throw new SerializationException($"{stream.Length - stream.Position} bytes follow the message");
        }
        catch (Exception e) when (e is not SerializationException)
        {
            throw new SerializationException("damaged message: " + e.Message, e);
        }

        return message is not null && KnownTypes.Contains(message.GetType())
            ? message
            : throw new SerializationException($"{message?.GetType().ToString() ?? "null"} is not among the types that travel between nodes");
    }
}
