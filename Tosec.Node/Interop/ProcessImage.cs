using System.Runtime.InteropServices;

namespace Tosec.Node.Interop;

/// <summary>Replaces the running program by another: same process, so pid, parent, terminal and signals are the other's.</summary>
internal static unsafe partial class ProcessImage
{
    private const int SIGPIPE = 13;

    /// <summary>Returns only on failure, with the errno. Blocks nothing; threads of this process end with the call.</summary>
    /// <param name="path">Path of the program.</param>
    /// <param name="arguments">Its arguments, the zeroth included, as the bytes they are.</param>
    /// <param name="environment">Entries <c>NAME=value</c>.</param>
    public static int Replace(byte[] path, IReadOnlyList<byte[]> arguments, IReadOnlyList<byte[]> environment)
    {
        // The runtime ignores SIGPIPE, and what is ignored stays ignored over exec: a program in a pipe would never end.
        _ = signal(SIGPIPE, 0);
        var nativePath = Native(path);
        var argv = Native(arguments);
        var envp = Native(environment);
        _ = execve(nativePath, argv, envp);
        var errno = Marshal.GetLastPInvokeError();
        Free(argv);
        Free(envp);
        NativeMemory.Free(nativePath);
        return errno;
    }

    /// <summary>Whether the file carries capabilities (which make the loader ignore LD_PRELOAD, as set-user-id does).</summary>
    public static bool HasCapabilities(string path) => getxattr(path, "security.capability", null, 0) > 0;

    private static byte* Native(byte[] text)
    {
        var native = (byte*)NativeMemory.Alloc((nuint)text.Length + 1);
        text.CopyTo(new Span<byte>(native, text.Length));
        native[text.Length] = 0;
        return native;
    }

    private static byte** Native(IReadOnlyList<byte[]> texts)
    {
        var native = (byte**)NativeMemory.Alloc((nuint)texts.Count + 1, (nuint)sizeof(byte*));
        for (var i = 0; i < texts.Count; i++)
            native[i] = Native(texts[i]);
        native[texts.Count] = null;
        return native;
    }

    private static void Free(byte** texts)
    {
        for (var i = 0; texts[i] != null; i++)
            NativeMemory.Free(texts[i]);
        NativeMemory.Free(texts);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int execve(byte* path, byte** argv, byte** envp);

    [LibraryImport("libc")]
    private static partial nint signal(int number, nint handler);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint getxattr(string path, string name, byte* value, nuint size);
}
