using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Tosec.Engines.ModSecurity;

/// <summary>
/// The library's root object: one a process, never freed, because its clean-up takes down libxml2 and libcurl for the whole
/// process. Any thread.
/// </summary>
internal static unsafe class ModSecurityEngine
{
    private static readonly Lock _loadLock = new();

    public static nint Instance { get; } = Create();

    /// <summary>Name and version, for people.</summary>
    public static string Version => Marshal.PtrToStringUTF8((nint)ModSecurityNative.WhoAmI(Instance)) ?? "";

    /// <summary>
    /// Loads rule files in this order. Throws <see cref="InvalidDataException"/> with the library's text when one is refused. The
    /// caller owns the set. Blocks for as long as reading takes; loads of several threads follow one another, because the
    /// library's configuration scanner has global state.
    /// </summary>
    public static (RuleSetHandle Rules, int Count) Load(IEnumerable<string> files)
    {
        lock (_loadLock)
        {
            var rules = ModSecurityNative.CreateRuleSet();
            try
            {
                var count = 0;
                foreach (var file in files)
                {
                    var added = ModSecurityNative.AddRulesFile(rules, file, out var error);
                    if (added < 0)
                    {
                        var text = Marshal.PtrToStringUTF8((nint)error) ?? "no reason given";
                        NativeMemory.Free(error);
                        throw new InvalidDataException($"The rules of {Path.GetFileName(file)} were refused: {text}");
                    }

                    count += added;
                }

                return (rules, count);
            }
            catch
            {
                rules.Dispose();
                throw;
            }
        }
    }

    private static nint Create()
    {
        var engine = ModSecurityNative.Init();
        if (engine == 0) throw new OutOfMemoryException("msc_init");
        ModSecurityNative.SetConnectorInfo(engine, "TOSEC");
        ModSecurityNative.SetLogCallback(engine, &Logged);
        return engine;
    }

    // On the thread that runs the transaction, inside one of its calls; the text is valid only here, and nothing may be thrown.
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Logged(nint context, byte* text)
    {
        if (context == 0 || text is null) return;
        var transaction = (ModSecurityTransaction)GCHandle.FromIntPtr(context).Target!;
        transaction.Logged(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
    }
}
