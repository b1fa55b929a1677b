using System.Runtime.InteropServices;

namespace Tosec.Engines.Hyperscan;

/// <summary>The functions of <c>hs.h</c> (Hyperscan 5.4 and Vectorscan, which share their interface) that are used here.</summary>
internal static unsafe partial class HyperscanNative
{
    public const string Library = "libhs.so.5";

    public const int Success = 0;

    public const uint FlagCaseless = 1;
    public const uint FlagDotAll = 2;
    public const uint ModeBlock = 1;
    public const uint ModeStream = 2;

    [LibraryImport(Library, EntryPoint = "hs_compile_multi")]
    public static partial int CompileMulti(
        byte** expressions, uint* flags, uint* ids, uint elements, uint mode, nint platform, out nint database, out CompileError* error);

    [LibraryImport(Library, EntryPoint = "hs_free_compile_error")]
    public static partial int FreeCompileError(CompileError* error);

    [LibraryImport(Library, EntryPoint = "hs_free_database")]
    public static partial int FreeDatabase(nint database);

    [LibraryImport(Library, EntryPoint = "hs_alloc_scratch")]
    public static partial int AllocateScratch(HyperscanDatabase database, ref nint scratch);

    [LibraryImport(Library, EntryPoint = "hs_free_scratch")]
    public static partial int FreeScratch(nint scratch);

    [LibraryImport(Library, EntryPoint = "hs_open_stream")]
    public static partial int OpenStream(HyperscanDatabase database, uint flags, out nint stream);

    [LibraryImport(Library, EntryPoint = "hs_close_stream")]
    public static partial int CloseStream(nint stream, nint scratch, nint onEvent, nint context);

    [LibraryImport(Library, EntryPoint = "hs_reset_stream")]
    public static partial int ResetStream(
        HyperscanStream stream, uint flags, nint scratch, nint onEvent, nint context);

    [LibraryImport(Library, EntryPoint = "hs_scan_stream")]
    public static partial int ScanStream(
        HyperscanStream stream, byte* data, uint length, uint flags, HyperscanScratch scratch,
        delegate* unmanaged[Cdecl]<uint, ulong, ulong, uint, nint, int> onEvent, nint context);

    [LibraryImport(Library, EntryPoint = "hs_scan")]
    public static partial int Scan(
        HyperscanDatabase database, byte* data, uint length, uint flags, HyperscanScratch scratch,
        delegate* unmanaged[Cdecl]<uint, ulong, ulong, uint, nint, int> onEvent, nint context);

    [LibraryImport(Library, EntryPoint = "hs_version")]
    public static partial byte* Version();

    [StructLayout(LayoutKind.Sequential)]
    public struct CompileError
    {
        public byte* Message;
        public int Expression;
    }
}
