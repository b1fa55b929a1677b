using Tosec.Actors.Cluster;

namespace Tosec.Actors.Serialization;

/// <summary>The types that travel between nodes. A type's place in the list is its number on the wire: append, never reorder.</summary>
internal static class KnownTypes
{
    public static IReadOnlyList<Type> All { get; } =
    [
        typeof(NodeAnnouncement),
        typeof(AnnouncementRequest),
    ];

    /// <summary>Types inside messages that Hyperion writes by name.</summary>
    public static IReadOnlyList<Type> Parts { get; } = [typeof(string[])];

    private static readonly HashSet<Type> _set = [.. All];

    public static bool Contains(Type type) => _set.Contains(type);
}
