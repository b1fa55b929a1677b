using System.Runtime.InteropServices;

namespace Tosec.Engines.Auditor.Sql;

/// <summary>PostgreSQL's own parser, as libpg_query 15 has it. Any thread; the parser is C with a stack that grows with the text.</summary>
internal static unsafe partial class PgQuery
{
    /// <summary>
    /// Bytes of the longest text that is given to the parser. It recurses, and a stack overflow would end the process: the deepest text
    /// of this length takes less than 1 MiB of stack.
    /// </summary>
    public const int MaxText = 16 * 1024;

    private const string Library = "libpg_query.so.1504.0";

    /// <summary>The parse tree in JSON; null: a syntax error, or longer than <see cref="MaxText"/>.</summary>
    /// <param name="text">UTF-8 without a zero byte.</param>
    /// <exception cref="DllNotFoundException">The package libpg-query1504.0 is missing.</exception>
    public static byte[]? Parse(ReadOnlySpan<byte> text)
    {
        if (text.Length > MaxText || text.Contains((byte)0))
            return null;
        Span<byte> terminated = stackalloc byte[text.Length + 1];
        text.CopyTo(terminated);
        terminated[^1] = 0;
        fixed (byte* first = terminated)
        {
            var result = ParseText(first);
            try
            {
                return result.Error != 0 || result.Tree is null ? null : MemoryMarshal.CreateReadOnlySpanFromNullTerminated(result.Tree).ToArray();
            }
            finally
            {
                Free(result);
            }
        }
    }

    [LibraryImport(Library, EntryPoint = "pg_query_parse")]
    private static partial Result ParseText(byte* text);

    [LibraryImport(Library, EntryPoint = "pg_query_free_parse_result")]
    private static partial void Free(Result result);

    /// <summary><c>PgQueryParseResult</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Result
    {
        public byte* Tree;
        public byte* Messages;
        public nint Error;
    }
}
