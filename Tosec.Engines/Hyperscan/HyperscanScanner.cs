using System.Runtime.InteropServices;

namespace Tosec.Engines.Hyperscan;

/// <summary>Is told what a scan finds, during the scan, on its thread. Must not throw.</summary>
internal interface ILiteralSink
{
    /// <param name="literal">Index of the literal.</param>
    /// <param name="end">Offset behind its last byte, from the beginning of the stream (or block).</param>
    void Found(int literal, long end);
}

/// <summary>Scans: working memory and the way back from native code. One thread; the thread owns it.</summary>
internal sealed unsafe class HyperscanScanner : IDisposable
{
    private readonly HyperscanScratch _scratch = new();
    private readonly GCHandle _self;
    private ILiteralSink? _sink;

    public HyperscanScanner() => _self = GCHandle.Alloc(this, GCHandleType.Weak);

    ~HyperscanScanner() => _self.Free();

    public void Prepare(HyperscanDatabase database) => _scratch.Prepare(database);

    /// <summary>Scans a block.</summary>
    public void Scan(HyperscanDatabase database, ReadOnlySpan<byte> data, ILiteralSink sink)
    {
        if (data.IsEmpty) return;
        _sink = sink;
        int result;
        fixed (byte* bytes = data)
            result = HyperscanNative.Scan(database, bytes, (uint)data.Length, 0, _scratch, &OnFound, GCHandle.ToIntPtr(_self));
        _sink = null;
        Check(result, "hs_scan");
    }

    /// <summary>Scans the next bytes of a stream.</summary>
    public void Scan(HyperscanStream stream, ReadOnlySpan<byte> data, ILiteralSink sink)
    {
        if (data.IsEmpty) return;
        _sink = sink;
        int result;
        fixed (byte* bytes = data)
            result = HyperscanNative.ScanStream(stream, bytes, (uint)data.Length, 0, _scratch, &OnFound, GCHandle.ToIntPtr(_self));
        _sink = null;
        Check(result, "hs_scan_stream");
    }

    /// <summary>Takes a stream to its beginning.</summary>
    public static void Reset(HyperscanStream stream) =>
        Check(HyperscanNative.ResetStream(stream, 0, 0, 0, 0), "hs_reset_stream");

    public void Dispose()
    {
        _scratch.Dispose();
        _self.Free();
        GC.SuppressFinalize(this);
    }

    private static void Check(int result, string call)
    {
        if (result != HyperscanNative.Success) throw new InvalidOperationException($"{call}: {result}");
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static int OnFound(uint id, ulong from, ulong to, uint flags, nint context)
    {
        ((HyperscanScanner)GCHandle.FromIntPtr(context).Target!)._sink!.Found((int)id, (long)to);
        return 0;
    }
}
