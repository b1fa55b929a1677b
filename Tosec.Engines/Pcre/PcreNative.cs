using System.Runtime.InteropServices;

namespace Tosec.Engines.Pcre;

/// <summary>The functions of <c>pcre2.h</c> (8 bit) that are used here.</summary>
internal static unsafe partial class PcreNative
{
    public const string Library = "libpcre2-8.so.0";

    public const uint Anchored = 0x80000000;
    public const uint CaseLess = 0x00000008;
    public const uint DollarEndOnly = 0x00000010;
    public const uint DotAll = 0x00000020;
    public const uint Extended = 0x00000080;
    public const uint MultiLine = 0x00000400;
    public const uint Ungreedy = 0x00040000;
    public const uint NeverBackslashC = 0x00100000;
    public const uint JitComplete = 1;
    public const uint JitPartialHard = 4;
    public const uint PartialHard = 0x20;
    public const int NoMatch = -1;
    public const int PartialMatch = -2;

    [LibraryImport(Library, EntryPoint = "pcre2_compile_8")]
    public static partial nint Compile(byte* pattern, nuint length, uint options, out int error, out nuint offset, nint context);

    [LibraryImport(Library, EntryPoint = "pcre2_code_free_8")]
    public static partial void FreeCode(nint code);

    [LibraryImport(Library, EntryPoint = "pcre2_jit_compile_8")]
    public static partial int JitCompile(nint code, uint options);

    [LibraryImport(Library, EntryPoint = "pcre2_get_error_message_8")]
    public static partial int ErrorMessage(int error, byte* buffer, nuint length);

    [LibraryImport(Library, EntryPoint = "pcre2_match_data_create_8")]
    public static partial nint CreateMatchData(uint pairs, nint context);

    [LibraryImport(Library, EntryPoint = "pcre2_match_data_free_8")]
    public static partial void FreeMatchData(nint data);

    [LibraryImport(Library, EntryPoint = "pcre2_get_ovector_pointer_8")]
    public static partial nuint* Offsets(PcreWorkspace data);

    [LibraryImport(Library, EntryPoint = "pcre2_match_context_create_8")]
    public static partial nint CreateMatchContext(nint context);

    [LibraryImport(Library, EntryPoint = "pcre2_match_context_free_8")]
    public static partial void FreeMatchContext(nint context);

    [LibraryImport(Library, EntryPoint = "pcre2_set_match_limit_8")]
    public static partial int SetMatchLimit(nint context, uint limit);

    [LibraryImport(Library, EntryPoint = "pcre2_set_depth_limit_8")]
    public static partial int SetDepthLimit(nint context, uint limit);

    [LibraryImport(Library, EntryPoint = "pcre2_jit_stack_create_8")]
    public static partial nint CreateJitStack(nuint smallest, nuint largest, nint context);

    [LibraryImport(Library, EntryPoint = "pcre2_jit_stack_free_8")]
    public static partial void FreeJitStack(nint stack);

    [LibraryImport(Library, EntryPoint = "pcre2_jit_stack_assign_8")]
    public static partial void AssignJitStack(nint context, nint callback, nint stack);

    [LibraryImport(Library, EntryPoint = "pcre2_match_8")]
    public static partial int Match(
        PcreRegex code, byte* subject, nuint length, nuint start, uint options, PcreWorkspace data, nint context);
}
