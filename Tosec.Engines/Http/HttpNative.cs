using System.Runtime.InteropServices;

namespace Tosec.Engines.Http;

/// <summary>The functions and structs of <c>native/tosec_http.h</c>; the tables of offsets are there.</summary>
internal static unsafe partial class HttpNative
{
    public const string Library = "libtosec-http.so";

    public const int Fed = 0;
    public const int OtherFirst = 1;
    public const int Tunnel = 2;
    public const int NotHttp = 3;
    public const int Stopped = 4;

    public const uint Normalize = 1;

    [LibraryImport(Library, EntryPoint = "tosec_http_config_create")]
    public static partial HttpConfigHandle CreateConfig(
        Callbacks* callbacks, ulong lineLimit, uint fieldLimit, uint inflateLimit, uint flags);

    [LibraryImport(Library, EntryPoint = "tosec_http_config_free")]
    public static partial void FreeConfig(nint config);

    [LibraryImport(Library, EntryPoint = "tosec_http_open")]
    public static partial nint Open(HttpConfigHandle config, nint context);

    [LibraryImport(Library, EntryPoint = "tosec_http_free")]
    public static partial void Free(nint connection);

    [LibraryImport(Library, EntryPoint = "tosec_http_feed")]
    public static partial int Feed(HttpConnectionHandle connection, uint direction, byte* data, ulong length, ulong* consumed);

    [LibraryImport(Library, EntryPoint = "tosec_http_version")]
    public static partial byte* Version();

    [StructLayout(LayoutKind.Sequential)]
    public struct Bytes
    {
        public byte* Data;
        public ulong Length;

        public readonly ReadOnlySpan<byte> Span => new(Data, checked((int)Length));
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Field
    {
        public Bytes Name;
        public Bytes Value;
        public uint Flags;
        public uint Reserved;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Message
    {
        public ulong Exchange;
        public long ContentLength;
        public ulong BodyOffset;
        public Field* Fields;
        public Bytes Method;
        public Bytes Target;
        public Bytes Protocol;
        public uint FieldCount;
        public uint Flags;
        public uint Framing;
        public int Status;
        public Bytes Path;
        public Bytes Query;
        public Bytes Line;
        public Bytes Reason;
        public Bytes RawFields;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct Callbacks
    {
        public delegate* unmanaged[Cdecl]<nint, ulong, ulong, int> OnRequestStart;
        public delegate* unmanaged[Cdecl]<nint, Message*, int> OnRequestLine;
        public delegate* unmanaged[Cdecl]<nint, uint, Message*, int> OnHeaders;
        public delegate* unmanaged[Cdecl]<nint, uint, ulong, byte*, ulong, int> OnBody;
        public delegate* unmanaged[Cdecl]<nint, uint, ulong, int> OnComplete;
    }
}
