using System.Runtime.InteropServices;
using System.Text;

namespace Tosec.Engines.Hyperscan;

/// <summary>A literal to look for.</summary>
/// <param name="Bytes">At least one.</param>
/// <param name="NoCase">ASCII letters in either case.</param>
internal readonly record struct HyperscanLiteral(byte[] Bytes, bool NoCase);

/// <summary>Owns a compiled database. Read-only; any thread. Open streams keep it alive.</summary>
internal sealed unsafe class HyperscanDatabase : SafeHandle
{
    private HyperscanDatabase(nint database) : base(0, ownsHandle: true) => SetHandle(database);

    public override bool IsInvalid => handle == 0;

    /// <summary>Library and version, for people.</summary>
    public static string Version => Marshal.PtrToStringUTF8((nint)HyperscanNative.Version()) ?? "";

    /// <summary>
    /// Compiles literals; the id of each is its index. Throws <see cref="InvalidDataException"/> with the library's text. Takes
    /// about a second for 20,000.
    /// </summary>
    /// <param name="literals">At least one.</param>
    /// <param name="streaming">For scanning in parts.</param>
    public static HyperscanDatabase Compile(ReadOnlySpan<HyperscanLiteral> literals, bool streaming)
    {
        // The literal interface differs between the two libraries; an expression of \xHH means the same to both.
        var text = new StringBuilder();
        var starts = new int[literals.Length];
        for (var i = 0; i < literals.Length; i++)
        {
            starts[i] = text.Length;
            foreach (var b in literals[i].Bytes) text.Append($"\\x{b:x2}");
            text.Append('\0');
        }

        var expressions = Encoding.ASCII.GetBytes(text.ToString());
        var pointers = new nint[literals.Length];
        var flags = new uint[literals.Length];
        var ids = new uint[literals.Length];
        fixed (byte* first = expressions)
        fixed (nint* pointer = pointers)
        fixed (uint* flag = flags)
        fixed (uint* id = ids)
        {
            for (var i = 0; i < literals.Length; i++)
            {
                pointer[i] = (nint)(first + starts[i]);
                flag[i] = HyperscanNative.FlagDotAll | (literals[i].NoCase ? HyperscanNative.FlagCaseless : 0);
                id[i] = (uint)i;
            }

            var result = HyperscanNative.CompileMulti(
                (byte**)pointer, flag, id, (uint)literals.Length,
                streaming ? HyperscanNative.ModeStream : HyperscanNative.ModeBlock, 0, out var database, out var error);
            if (result == HyperscanNative.Success) return new HyperscanDatabase(database);
            var message = error is null ? "" : Marshal.PtrToStringUTF8((nint)error->Message);
            if (error is not null) _ = HyperscanNative.FreeCompileError(error);
            throw new InvalidDataException($"hs_compile_multi: {result}: {message}");
        }
    }

    protected override bool ReleaseHandle() => HyperscanNative.FreeDatabase(handle) == HyperscanNative.Success;
}

/// <summary>Owns the working memory of scans: one thread at a time. Serves every database it was prepared for.</summary>
internal sealed class HyperscanScratch() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    /// <summary>Grows it as this database needs.</summary>
    public void Prepare(HyperscanDatabase database)
    {
        var scratch = handle;
        var result = HyperscanNative.AllocateScratch(database, ref scratch);
        if (result != HyperscanNative.Success) throw new OutOfMemoryException($"hs_alloc_scratch: {result}");
        SetHandle(scratch);
    }

    protected override bool ReleaseHandle() => HyperscanNative.FreeScratch(handle) == HyperscanNative.Success;
}

/// <summary>Owns the state of one stream, and keeps its database alive until it is gone. One thread at a time.</summary>
internal sealed class HyperscanStream : SafeHandle
{
    private readonly HyperscanDatabase _database;

    public HyperscanStream(HyperscanDatabase database) : base(0, ownsHandle: true)
    {
        _database = database;
        var added = false;
        database.DangerousAddRef(ref added);
        var result = HyperscanNative.OpenStream(database, 0, out var stream);
        SetHandle(stream);
        if (result == HyperscanNative.Success) return;
        database.DangerousRelease();
        throw new OutOfMemoryException($"hs_open_stream: {result}");
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        var result = HyperscanNative.CloseStream(handle, 0, 0, 0);
        _database.DangerousRelease();
        return result == HyperscanNative.Success;
    }
}
