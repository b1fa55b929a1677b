using System.Runtime.InteropServices;

namespace Tosec.Engines.ModSecurity;

/// <summary>The functions of libmodsecurity 3 that are used. All copy what they are given; none keeps a pointer.</summary>
internal static unsafe partial class ModSecurityNative
{
    private const string Library = "libmodsecurity.so.3";

    [LibraryImport(Library, EntryPoint = "msc_init")]
    public static partial nint Init();

    [LibraryImport(Library, EntryPoint = "msc_who_am_i")]
    public static partial byte* WhoAmI(nint engine);

    [LibraryImport(Library, EntryPoint = "msc_set_connector_info", StringMarshalling = StringMarshalling.Utf8)]
    public static partial void SetConnectorInfo(nint engine, string info);

    [LibraryImport(Library, EntryPoint = "msc_set_log_cb")]
    public static partial void SetLogCallback(nint engine, delegate* unmanaged[Cdecl]<nint, byte*, void> callback);

    [LibraryImport(Library, EntryPoint = "msc_create_rules_set")]
    public static partial RuleSetHandle CreateRuleSet();

    /// <summary>Rules added, or -1 with a malloc'ed text.</summary>
    [LibraryImport(Library, EntryPoint = "msc_rules_add_file", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int AddRulesFile(RuleSetHandle rules, string file, out byte* error);

    [LibraryImport(Library, EntryPoint = "msc_rules_cleanup")]
    public static partial int FreeRuleSet(nint rules);

    [LibraryImport(Library, EntryPoint = "msc_new_transaction")]
    public static partial nint NewTransaction(nint engine, RuleSetHandle rules, nint logContext);

    [LibraryImport(Library, EntryPoint = "msc_transaction_cleanup")]
    public static partial void FreeTransaction(nint transaction);

    [LibraryImport(Library, EntryPoint = "msc_process_connection")]
    public static partial int ProcessConnection(
        TransactionHandle transaction, byte* client, int clientPort, byte* server, int serverPort);

    [LibraryImport(Library, EntryPoint = "msc_process_uri")]
    public static partial int ProcessUri(TransactionHandle transaction, byte* uri, byte* method, byte* version);

    [LibraryImport(Library, EntryPoint = "msc_add_n_request_header")]
    public static partial int AddRequestHeader(
        TransactionHandle transaction, byte* name, nuint nameLength, byte* value, nuint valueLength);

    [LibraryImport(Library, EntryPoint = "msc_process_request_headers")]
    public static partial int ProcessRequestHeaders(TransactionHandle transaction);

    [LibraryImport(Library, EntryPoint = "msc_append_request_body")]
    public static partial int AppendRequestBody(TransactionHandle transaction, byte* body, nuint length);

    [LibraryImport(Library, EntryPoint = "msc_process_request_body")]
    public static partial int ProcessRequestBody(TransactionHandle transaction);

    [LibraryImport(Library, EntryPoint = "msc_add_n_response_header")]
    public static partial int AddResponseHeader(
        TransactionHandle transaction, byte* name, nuint nameLength, byte* value, nuint valueLength);

    [LibraryImport(Library, EntryPoint = "msc_process_response_headers")]
    public static partial int ProcessResponseHeaders(TransactionHandle transaction, int status, byte* protocol);

    [LibraryImport(Library, EntryPoint = "msc_append_response_body")]
    public static partial int AppendResponseBody(TransactionHandle transaction, byte* body, nuint length);

    [LibraryImport(Library, EntryPoint = "msc_process_response_body")]
    public static partial int ProcessResponseBody(TransactionHandle transaction);

    [LibraryImport(Library, EntryPoint = "msc_intervention")]
    public static partial int Intervene(TransactionHandle transaction, Intervention* intervention);

    /// <summary>
    /// <c>ModSecurityIntervention</c>; Url and Log are malloc'ed and belong to the caller.
    /// <code>
    /// offset  size  field
    ///      0     4  Status
    ///      4     4  Pause
    ///      8     8  Url
    ///     16     8  Log
    ///     24     4  Disruptive
    /// </code>
    /// </summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct Intervention
    {
        public int Status;
        public int Pause;
        public byte* Url;
        public byte* Log;
        public int Disruptive;
    }
}
