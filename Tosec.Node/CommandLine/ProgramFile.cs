using System.Buffers.Binary;
using System.Text;
using Tosec.Node.Interop;

namespace Tosec.Node.CommandLine;

/// <summary>Finds the program that is to run under the socket library, and tells whether the library can be loaded into it.</summary>
internal static class ProgramFile
{
    private const int MaxInterpreters = 4;
    private const int HeaderBytes = 64;
    private const int MaxProgramHeaders = 512;
    private const uint ProgramInterpreter = 3;
    private const UnixFileMode AnyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <summary>Looks the program up as a shell does: a name with a slash is a path, any other is searched in PATH.</summary>
    /// <exception cref="CommandLineException">Not found (127), or found and not executable (126).</exception>
    public static string Find(string program, string? searchPath)
    {
        string? refused = null;
        foreach (var candidate in Candidates(program, searchPath))
        {
            if (!File.Exists(candidate))
            {
                refused ??= Directory.Exists(candidate) && program.Contains('/', StringComparison.Ordinal) ? candidate : null;
                continue;
            }

            if ((File.GetUnixFileMode(candidate) & AnyExecute) != 0)
                return candidate;
            refused ??= candidate;
        }

        throw refused is null
            ? new CommandLineException(ExitCode.NotFound, $"{program}: no such program")
            : new CommandLineException(ExitCode.NotExecutable, $"{refused} is not executable");
    }

    /// <summary>Refuses what the loader would run without the library: its connections would reach nothing.</summary>
    /// <exception cref="CommandLineException">The file, or the interpreter its first line names, cannot be preloaded (78).</exception>
    public static void RequirePreloadable(string path)
    {
        var file = path;
        for (var i = 0; i < MaxInterpreters; i++)
        {
            RefusePrivileged(file, path);
            if (Inspect(file, path) is not { } interpreter)
                return;
            file = interpreter;
        }
    }

    private static IEnumerable<string> Candidates(string program, string? searchPath)
    {
        if (program.Contains('/', StringComparison.Ordinal))
            return [program];
        return (searchPath ?? "/usr/local/bin:/usr/bin:/bin").Split(':')
            .Select(directory => Path.Combine(directory.Length == 0 ? "." : directory, program));
    }

    private static void RefusePrivileged(string file, string program)
    {
        var mode = File.GetUnixFileMode(file);
        if (mode.HasFlag(UnixFileMode.SetUser) || mode.HasFlag(UnixFileMode.SetGroup))
            throw Refuse(file, program, "is setuid or setgid: the loader does not preload into it");
        if (Environment.UserName != "root" && ProcessImage.HasCapabilities(file))
            throw Refuse(file, program, "has file capabilities: the loader does not preload into it");
    }

    // Returns the interpreter of a script; null for everything that has none.
    private static string? Inspect(string path, string program)
    {
        try
        {
            using var file = File.OpenHandle(path);
            Span<byte> head = stackalloc byte[256];
            head = head[..RandomAccess.Read(file, head, 0)];
            if (head.StartsWith("#!"u8))
                return InterpreterOf(head[2..]);
            if (!head.StartsWith("\x7f"u8) || head.Length < HeaderBytes || !head[1..].StartsWith("ELF"u8))
                return null;
            if (head[4] != 2)
                throw Refuse(path, program, "is a 32-bit program: the socket library is 64-bit");
            if (LoaderOf(file, head) is not { } loader)
                throw Refuse(path, program, "is statically linked: there is no loader that could preload the socket library");
            if (loader.Contains("musl", StringComparison.Ordinal))
                throw Refuse(path, program, $"is not linked with glibc (its loader is {loader})");
            return null;
        }
        catch (UnauthorizedAccessException)
        {
            // Executable and not readable: the kernel decides.
            return null;
        }
    }

    private static string? InterpreterOf(ReadOnlySpan<byte> line)
    {
        var end = line.IndexOf((byte)'\n');
        var words = Encoding.UTF8.GetString(end < 0 ? line : line[..end])
            .Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return words.Length > 0 && File.Exists(words[0]) ? words[0] : null;
    }

    private static string? LoaderOf(Microsoft.Win32.SafeHandles.SafeFileHandle file, ReadOnlySpan<byte> head)
    {
        var offset = BinaryPrimitives.ReadInt64LittleEndian(head[32..]);
        int size = BinaryPrimitives.ReadUInt16LittleEndian(head[54..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(head[56..]);
        Span<byte> header = stackalloc byte[56];
        Span<byte> name = stackalloc byte[256];
        for (var i = 0; i < Math.Min(count, MaxProgramHeaders) && size >= header.Length && offset > 0; i++)
        {
            if (RandomAccess.Read(file, header, offset + ((long)i * size)) < header.Length)
                break;
            if (BinaryPrimitives.ReadUInt32LittleEndian(header) != ProgramInterpreter)
                continue;
            var where = BinaryPrimitives.ReadInt64LittleEndian(header[8..]);
            var read = where >= 0 ? RandomAccess.Read(file, name, where) : 0;
            var end = name[..read].IndexOf((byte)0);
            return Encoding.UTF8.GetString(name[..(end < 0 ? read : end)]);
        }

        return null;
    }

    private static CommandLineException Refuse(string file, string program, string why) =>
        new(ExitCode.Configuration, file == program ? $"{file} {why}" : $"{program} is run by {file}, which {why}");
}
