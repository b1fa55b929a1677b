namespace Tosec.Actors.Serialization;

/// <summary>
/// Marks what may travel between nodes. Such a type is a sealed record of primitives, texts, and arrays of them (or of other known
/// types), and is listed in <see cref="KnownTypes"/>; nothing else can be sent.
/// </summary>
public interface IClusterMessage;
