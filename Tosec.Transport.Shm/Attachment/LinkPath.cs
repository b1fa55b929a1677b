using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>Where the sockets of a host node lie: one per segment of a guest and node that may attach to it.</summary>
public static class LinkPath
{
    public static string Directory(string runDirectory, string guest) => Path.Combine(runDirectory, guest);

    public static string Socket(string runDirectory, string guest, SegmentKind segment, string node) =>
        Path.Combine(Directory(runDirectory, guest), $"{segment.ToString().ToLowerInvariant()}.{node}.sock");

    /// <summary>
    /// The receive segment as a file that QEMU can map for a guest VM (<c>memory-backend-file,readonly=on</c>): a link to the host
    /// node's read-only descriptor of it, under <c>/proc</c>.
    /// </summary>
    public static string ReadOnlyReceive(string runDirectory, string guest) => Path.Combine(Directory(runDirectory, guest), "receive.memory");
}
