using System.Globalization;
using System.Runtime.InteropServices;

namespace Tosec.Node.Interop;

/// <summary>
/// The runtime raises this process's soft limit of open files to the hard one before any of our code runs. Programs that are sized by
/// the soft limit (or break on descriptors beyond 1024) must not inherit that.
/// </summary>
internal static partial class OpenFileLimit
{
    private const int RLIMIT_NOFILE = 7;
    private const string Line = "Max open files";

    /// <summary>Sets the soft limit to the parent's: what the program would have had without us. Does nothing where that is unknown.</summary>
    public static void TakeFromParent()
    {
        if (getrlimit(RLIMIT_NOFILE, out var own) != 0 || ReadSoft($"/proc/{getppid()}/limits") is not { } soft || soft >= own.Soft)
            return;
        own.Soft = soft;
        _ = setrlimit(RLIMIT_NOFILE, own);
    }

    private static ulong? ReadSoft(string file)
    {
        try
        {
            var words = File.ReadLines(file).FirstOrDefault(line => line.StartsWith(Line, StringComparison.Ordinal))?[Line.Length..]
                .Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words is [var soft, ..] && ulong.TryParse(soft, NumberStyles.None, CultureInfo.InvariantCulture, out var value)
                ? value : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The parent is gone, or another user's: the raised limit stays.
            return null;
        }
    }

    [LibraryImport("libc")]
    private static partial int getppid();

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getrlimit(int resource, out Limit limit);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setrlimit(int resource, in Limit limit);

    private struct Limit
    {
        public ulong Soft;
        public ulong Hard;
    }
}
