using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Tosec.Node.Interop;

/// <summary>What kind of file a path names; no managed call tells a socket from a regular file.</summary>
internal static unsafe partial class FileKind
{
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const uint STATX_TYPE = 1;
    private const int TypeMask = 0xf000;
    private const int SocketType = 0xc000;

    // struct statx has one layout on all architectures: 256 bytes, stx_mode (16 bit) at 28.
    private const int StatxBytes = 256;
    private const int ModeOffset = 28;

    /// <summary>False also for what is not there, and for a symbolic link to a socket.</summary>
    public static bool IsSocket(string path)
    {
        var buffer = stackalloc byte[StatxBytes];
        return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, buffer) == 0
            && (BinaryPrimitives.ReadUInt16LittleEndian(new ReadOnlySpan<byte>(buffer + ModeOffset, 2)) & TypeMask) == SocketType;
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(int directory, string path, int flags, uint mask, byte* buffer);
}
