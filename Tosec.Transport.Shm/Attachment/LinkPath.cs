using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>Where the sockets of a host node lie: one per segment of a guest and node that may attach to it.</summary>
public static class LinkPath
{
    public static string Directory(string runDirectory, string guest) => Path.Combine(runDirectory, guest);

    public static string Socket(string runDirectory, string guest, SegmentKind segment, string node) =>
        Path.Combine(Directory(runDirectory, guest), $"{segment.ToString().ToLowerInvariant()}.{node}.sock");
}
