using System.Runtime.InteropServices;
using System.Text;

namespace Tosec.Engines.Pcre;

/// <summary>How a search ended.</summary>
internal enum PcreResult : byte
{
    Found,
    NotFound,

    /// <summary>More bytes could change the answer; only when the subject was said to be incomplete.</summary>
    NeedsMore,

    /// <summary>The limit of steps was reached first.</summary>
    Exhausted,
}

/// <summary>Working memory and limits of searches: one thread at a time; the thread owns it.</summary>
internal sealed class PcreWorkspace : SafeHandle
{
    // Compiled code starts with 32 KiB of the thread's own stack, which alternatives in long subjects exceed.
    private const int SmallestStack = 32 * 1024;
    private const int LargestStack = 512 * 1024;

    private readonly nint _context;
    private readonly nint _stack;
    private int _steps;

    public PcreWorkspace() : base(0, ownsHandle: true)
    {
        // One pair: only where the whole match lies is asked for.
        SetHandle(PcreNative.CreateMatchData(1, 0));
        _context = PcreNative.CreateMatchContext(0);
        _stack = PcreNative.CreateJitStack(SmallestStack, LargestStack, 0);
        if (IsInvalid || _context == 0) throw new OutOfMemoryException("pcre2_match_data_create");
        if (_stack != 0) PcreNative.AssignJitStack(_context, 0, _stack);
    }

    public override bool IsInvalid => handle == 0;

    internal nint Context => _context;

    /// <summary>Steps of one search, and levels of backtracking.</summary>
    public void Limit(int steps)
    {
        if (_steps == steps) return;
        _steps = steps;
        _ = PcreNative.SetMatchLimit(_context, (uint)steps);
        _ = PcreNative.SetDepthLimit(_context, (uint)steps);
    }

    protected override bool ReleaseHandle()
    {
        PcreNative.FreeMatchData(handle);
        PcreNative.FreeMatchContext(_context);
        PcreNative.FreeJitStack(_stack);
        return true;
    }
}

/// <summary>A compiled regular expression over bytes. Read-only; any thread.</summary>
internal sealed unsafe class PcreRegex : SafeHandle
{
    private PcreRegex(nint code, bool stable) : base(0, ownsHandle: true)
    {
        SetHandle(code);
        Stable = stable;
    }

    public override bool IsInvalid => handle == 0;

    /// <summary>Once found, more bytes behind the subject cannot make it not found.</summary>
    public bool Stable { get; }

    /// <summary>Compiles. Throws <see cref="FormatException"/> with the library's text.</summary>
    /// <param name="pattern">The expression, each character a byte.</param>
    /// <param name="options">Of <see cref="PcreNative"/>.</param>
    public static PcreRegex Compile(string pattern, uint options)
    {
        var bytes = Encoding.Latin1.GetBytes(pattern);
        nint code;
        int error;
        nuint offset;
        fixed (byte* first = bytes)
        {
            byte none = 0;
            code = PcreNative.Compile(
                first is null ? &none : first, (nuint)bytes.Length, options | PcreNative.NeverBackslashC, out error, out offset, 0);
        }

        if (code == 0) throw new FormatException($"{TextOf(error)} at {offset}");

        // Without the compiler it is interpreted: slower, the same answers.
        _ = PcreNative.JitCompile(code, PcreNative.JitComplete | PcreNative.JitPartialHard);
        return new PcreRegex(code, IsStable(pattern));
    }

    /// <summary>Searches from <paramref name="start"/> on; what lies before is looked at by assertions only.</summary>
    /// <param name="subject">The bytes.</param>
    /// <param name="start">At most their number.</param>
    /// <param name="incomplete">Answer only what more bytes cannot change.</param>
    /// <param name="workspace">The thread's.</param>
    /// <param name="found">Where the match lies.</param>
    public PcreResult Search(
        ReadOnlySpan<byte> subject, int start, bool incomplete, PcreWorkspace workspace, out (int Start, int End) found)
    {
        found = default;
        int result;
        fixed (byte* bytes = subject)
        {
            byte none = 0;
            result = PcreNative.Match(
                this, bytes is null ? &none : bytes, (nuint)subject.Length, (nuint)start,
                incomplete ? PcreNative.PartialHard : 0, workspace, workspace.Context);
        }

        switch (result)
        {
            case >= 0:
                var offsets = PcreNative.Offsets(workspace);
                found = ((int)offsets[0], (int)offsets[1]);
                return PcreResult.Found;
            case PcreNative.NoMatch:
                return PcreResult.NotFound;
            case PcreNative.PartialMatch:
                return PcreResult.NeedsMore;
            default:
                return PcreResult.Exhausted;
        }
    }

    protected override bool ReleaseHandle()
    {
        PcreNative.FreeCode(handle);
        return true;
    }

    // What looks at the end of the subject, or forbids a match by what follows. Errs on the side of "not stable": that costs a
    // later answer, never a wrong one.
    private static bool IsStable(string pattern)
    {
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '$':
                    return false;
                case '\\' when i + 1 < pattern.Length:
                    if (pattern[++i] is 'b' or 'B' or 'z' or 'Z' or 'K' or 'R' or 'X') return false;
                    break;
                case '(' when i + 1 < pattern.Length && pattern[i + 1] == '*':
                case '(' when i + 2 < pattern.Length && pattern[i + 1] == '?' && pattern[i + 2] is '!' or '>' or '(':
                case '+' or '*' or '?' or '}' when i + 1 < pattern.Length && pattern[i + 1] == '+':
                    return false;
            }
        }

        return true;
    }

    private static string TextOf(int error)
    {
        const int Length = 256;
        var text = stackalloc byte[Length];
        return PcreNative.ErrorMessage(error, text, Length) > 0 ? Marshal.PtrToStringUTF8((nint)text) ?? "" : $"error {error}";
    }
}
