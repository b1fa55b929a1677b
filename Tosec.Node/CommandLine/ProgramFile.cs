using System.Buffers.Binary;
using System.Text;
using Microsoft.Win32.SafeHandles;
using Tosec.Node.Interop;

namespace Tosec.Node.CommandLine;

/// <summary>Finds the program that is to run with TOSEC sockets, and tells whether it can have them.</summary>
internal static class ProgramFile
{
    private const int MaxInterpreters = 4;
    private const int HeaderBytes = 64;
    private const int MaxProgramHeaders = 512;
    private const uint ProgramInterpreter = 3;
    private const uint ProgramNote = 4;
    private const string ServedOtherwise = " (tosec run --all-syscalls serves it)";
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

    /// <summary>
    /// Refuses what would run without TOSEC sockets: what the loader does not preload into or what makes its system calls itself;
    /// with <paramref name="allSyscalls"/>, what the filter does not serve.
    /// </summary>
    /// <exception cref="CommandLineException">The file, or the interpreter its first line names, cannot be served (78).</exception>
    public static void RequireServable(string path, bool allSyscalls)
    {
        var file = path;
        for (var i = 0; i < MaxInterpreters; i++)
        {
            RefusePrivileged(file, path, allSyscalls);
            if (Inspect(file, path, allSyscalls) is not { } interpreter)
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

    private static void RefusePrivileged(string file, string program, bool allSyscalls)
    {
        var consequence = allSyscalls ? "a supervised program gets no privileges" : "the loader does not preload into it";
        var mode = File.GetUnixFileMode(file);
        if (mode.HasFlag(UnixFileMode.SetUser) || mode.HasFlag(UnixFileMode.SetGroup))
            throw Refuse(file, program, $"is setuid or setgid: {consequence}");
        if (Environment.UserName != "root" && ProcessImage.HasCapabilities(file))
            throw Refuse(file, program, $"has file capabilities: {consequence}");
    }

    // Returns the interpreter of a script; null for everything that has none.
    private static string? Inspect(string path, string program, bool allSyscalls)
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
                throw Refuse(path, program, allSyscalls ? "is a 32-bit program: only 64-bit system calls are served" : "is a 32-bit program: the socket library is 64-bit");
            if (!allSyscalls && WhyNotPreloaded(file, head) is { } reason)
                throw Refuse(path, program, reason + ServedOtherwise);
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

    private static string? WhyNotPreloaded(SafeFileHandle file, ReadOnlySpan<byte> head)
    {
        string? loader = null;
        foreach (var (type, content) in Segments(file, head.ToArray()))
        {
            if (type == ProgramNote && IsGo(content))
                return "is a Go program: it makes its system calls past the socket library";
            if (type == ProgramInterpreter)
                loader = Encoding.UTF8.GetString(content.AsSpan()[..(content.AsSpan().IndexOf((byte)0) is >= 0 and var end ? end : content.Length)]);
        }

        if (loader is null)
            return "is statically linked: there is no loader that could preload the socket library";
        return loader.Contains("musl", StringComparison.Ordinal) ? $"is not linked with glibc (its loader is {loader})" : null;
    }

    // A note begins with the length of its owner's name, of its content, and its type; then the name.
    private static bool IsGo(ReadOnlySpan<byte> note) =>
        note.Length >= 16 && BinaryPrimitives.ReadUInt32LittleEndian(note) == 4 && note[12..].StartsWith("Go\0\0"u8);

    // Type and first bytes of each segment that says what kind of program this is.
    private static IEnumerable<(uint Type, byte[] Content)> Segments(SafeFileHandle file, byte[] head)
    {
        var offset = BinaryPrimitives.ReadInt64LittleEndian(head.AsSpan(32));
        int size = BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(54));
        int count = BinaryPrimitives.ReadUInt16LittleEndian(head.AsSpan(56));
        var header = new byte[56];
        for (var i = 0; i < Math.Min(count, MaxProgramHeaders) && size >= header.Length && offset > 0; i++)
        {
            if (RandomAccess.Read(file, header, offset + ((long)i * size)) < header.Length)
                break;
            var type = BinaryPrimitives.ReadUInt32LittleEndian(header);
            var where = BinaryPrimitives.ReadInt64LittleEndian(header.AsSpan(8));
            if (type is not (ProgramInterpreter or ProgramNote) || where < 0)
                continue;
            var content = new byte[256];
            yield return (type, content[..RandomAccess.Read(file, content, where)]);
        }
    }

    private static CommandLineException Refuse(string file, string program, string why) =>
        new(ExitCode.Configuration, file == program ? $"{file} {why}" : $"{program} is run by {file}, which {why}");
}
