using System.Runtime.InteropServices;
using System.Text;
using Tosec.Node.Configuration;
using Tosec.Node.Hosting;
using Tosec.Node.Interop;

namespace Tosec.Node.CommandLine;

/// <summary><c>tosec run</c>: becomes the program, with the socket library preloaded and the agent named.</summary>
internal static class RunCommand
{
    private const string PreloadVariable = "TOSEC_PRELOAD";
    private const string PreloadFile = "libtosec-preload.so";
    private const int ENOENT = 2;

    /// <summary>Does not return when the program runs.</summary>
    /// <exception cref="CommandLineException">Agent, library or program cannot be used; the code says which.</exception>
    public static ExitCode Execute(string? agent, string? guest, string? runDirectory, IReadOnlyList<string> words)
    {
        var program = ProgramFile.Find(words[0], Environment.GetEnvironmentVariable("PATH"));
        ProgramFile.RequirePreloadable(program);
        var preload = FindPreload();
        var socket = AgentChoice.Find(agent, guest, runDirectory);

        OpenFileLimit.TakeFromParent();
        RuntimeFiles.Remove();
        var errno = ProcessImage.Replace(Encoding.UTF8.GetBytes(program), RawArguments(words), MakeEnvironment(preload, socket));
        throw new CommandLineException(
            errno == ENOENT ? ExitCode.NotFound : ExitCode.NotExecutable,
            $"{program} cannot be executed: {Marshal.GetPInvokeErrorMessage(errno)}");
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

    private static List<byte[]> MakeEnvironment(string preload, string socket)
    {
        var environment = Split(File.ReadAllBytes("/proc/self/environ"));
        var before = environment.Select(entry => Encoding.UTF8.GetString(entry))
            .FirstOrDefault(entry => entry.StartsWith("LD_PRELOAD=", StringComparison.Ordinal))?["LD_PRELOAD=".Length..] ?? "";

        // First of all, so that no other preloaded library's wrappers lie between the program and ours; and once in a nested run.
        var others = before.Split((char[])[':', ' '], StringSplitOptions.RemoveEmptyEntries).Where(library => library != preload);
        environment.RemoveAll(entry => IsOf(entry, "LD_PRELOAD") || IsOf(entry, AgentChoice.Variable));
        environment.Add(Encoding.UTF8.GetBytes("LD_PRELOAD=" + string.Join(':', others.Prepend(preload))));
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
