using System.Runtime.InteropServices;
using System.Text;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;
using Tosec.Node.Interop;

namespace Tosec.Node.CommandLine;

/// <summary>
/// <c>tosec run</c>: becomes the program, with the socket library preloaded and the agent named; or becomes the supervisor of the
/// program, which gives it sockets without the library.
/// </summary>
internal static class RunCommand
{
    private const string PreloadVariable = "TOSEC_PRELOAD";
    private const string PreloadFile = "libtosec-preload.so";
    private const string SupervisorFile = "tosec-supervise";
    private const string FallbackVariable = "TOSEC_FALLBACK";
    private const int ENOENT = 2;

    /// <summary>Does not return when the program runs.</summary>
    /// <exception cref="CommandLineException">Agent, library or program cannot be used; the code says which.</exception>
    public static ExitCode Execute(string? agent, string? guest, string? runDirectory, bool allSyscalls, IReadOnlyList<string> words)
    {
        var program = ProgramFile.Find(words[0], Environment.GetEnvironmentVariable("PATH"));
        RequireFallback(Environment.GetEnvironmentVariable(FallbackVariable));
        ProgramFile.RequireServable(program, allSyscalls);
        var preload = allSyscalls ? null : FindPreload();
        var supervisor = allSyscalls ? FindSupervisor() : null;
        var socket = AgentChoice.Find(agent, guest, runDirectory);

        OpenFileLimit.TakeFromParent();
        RuntimeFiles.Remove();
        var image = Encoding.UTF8.GetBytes(program);
        var errno = supervisor is null
            ? ProcessImage.Replace(image, RawArguments(words), MakeEnvironment(preload, socket))
            : ProcessImage.Replace(
                Encoding.UTF8.GetBytes(supervisor), ["tosec-supervise"u8.ToArray(), image, .. RawArguments(words)], MakeEnvironment(null, socket));
        throw new CommandLineException(
            errno == ENOENT ? ExitCode.NotFound : ExitCode.NotExecutable,
            $"{supervisor ?? program} cannot be executed: {Marshal.GetPInvokeErrorMessage(errno)}");
    }

    // A misspelt wish must not be taken for one that lets connections pass uninspected, nor be forgotten.
    private static void RequireFallback(string? value)
    {
        if (value is not (null or "" or "kernel" or "refuse"))
            throw new CommandLineException(ExitCode.Configuration, $"{FallbackVariable}={value}: allowed: kernel, refuse");
    }

    private static string FindSupervisor()
    {
        var path = Path.Combine(AppContext.BaseDirectory, SupervisorFile);
        return File.Exists(path) ? path : throw new CommandLineException(ExitCode.Unavailable, $"the supervisor {path} is not there");
    }

    private static string FindPreload()
    {
        var given = Environment.GetEnvironmentVariable(PreloadVariable);
        var path = Path.GetFullPath(string.IsNullOrEmpty(given) ? Path.Combine(AppContext.BaseDirectory, PreloadFile) : given);
        if (!File.Exists(path))
            throw new CommandLineException(ExitCode.Unavailable, $"the socket library {path} is not there (set {PreloadVariable})");

        // The loader splits LD_PRELOAD at blanks and colons and has no way to write either.
        if (path.AsSpan().IndexOfAny(' ', ':') >= 0)
        {
            throw new CommandLineException(
                ExitCode.Configuration, $"the path of the socket library, {path}, has a blank or a colon, which LD_PRELOAD cannot hold");
        }

        return path;
    }

    // The runtime's strings cannot hold every byte sequence; the kernel's copy of the command line can.
    private static IReadOnlyList<byte[]> RawArguments(IReadOnlyList<string> words)
    {
        var raw = Split(File.ReadAllBytes("/proc/self/cmdline"));
        var last = raw.Skip(raw.Count - words.Count).ToArray();
        return last.Length == words.Count && last.Zip(words).All(pair => Encoding.UTF8.GetString(pair.First) == pair.Second)
            ? last
            : [.. words.Select(Encoding.UTF8.GetBytes)];
    }

    private static List<byte[]> MakeEnvironment(string? preload, string socket)
    {
        var environment = Split(File.ReadAllBytes("/proc/self/environ"));
        var before = environment.Select(entry => Encoding.UTF8.GetString(entry))
            .FirstOrDefault(entry => entry.StartsWith("LD_PRELOAD=", StringComparison.Ordinal))?["LD_PRELOAD=".Length..] ?? "";

        // First of all, so that no other preloaded library's wrappers lie between the program and ours; and once in a nested run.
        var others = before.Split((char[])[':', ' '], StringSplitOptions.RemoveEmptyEntries)
            .Where(library => library != preload && (preload is not null || Path.GetFileName(library) != PreloadFile)).ToList();
        environment.RemoveAll(entry => IsOf(entry, "LD_PRELOAD") || IsOf(entry, AgentChoice.Variable));
        if (preload is not null)
            others.Insert(0, preload);
        if (others.Count > 0)
            environment.Add(Encoding.UTF8.GetBytes("LD_PRELOAD=" + string.Join(':', others)));
        environment.Add(Encoding.UTF8.GetBytes($"{AgentChoice.Variable}={socket}"));
        return environment;
    }

    private static bool IsOf(byte[] entry, string name) => entry.AsSpan().StartsWith(Encoding.UTF8.GetBytes(name + "="));

    private static List<byte[]> Split(byte[] texts)
    {
        var split = new List<byte[]>();
        for (var begin = 0; begin < texts.Length;)
        {
            var end = Array.IndexOf(texts, (byte)0, begin);
            end = end < 0 ? texts.Length : end;
            split.Add(texts[begin..end]);
            begin = end + 1;
        }

        return split;
    }
}
