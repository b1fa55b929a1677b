using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Tosec.Engines.Http;

/// <summary>What a callback wants of the parser.</summary>
internal enum HttpAnswer
{
    GoOn = 0,

    /// <summary>Nothing more of this connection is parsed.</summary>
    Stop = 1,

    /// <summary>The response's body (or what is left of it) is framed but not reported.</summary>
    SkipBody = 2,
}

/// <summary>What <see cref="HttpParser.Feed"/> made of the bytes.</summary>
internal enum HttpFeed
{
    Fed = HttpNative.Fed,

    /// <summary>The rest can be parsed only after bytes of the other direction.</summary>
    OtherFirst = HttpNative.OtherFirst,

    /// <summary>The connection has stopped to be HTTP (101, CONNECT).</summary>
    Tunnel = HttpNative.Tunnel,

    NotHttp = HttpNative.NotHttp,

    /// <summary>A callback has asked for it.</summary>
    Stopped = HttpNative.Stopped,
}

/// <summary>Receives what the parser finds, in stream order, on the thread that feeds it.</summary>
internal interface IHttpEvents
{
    HttpAnswer OnRequestStart(ulong exchange, int offset);

    HttpAnswer OnRequestLine(HttpMessage request);

    HttpAnswer OnHeaders(HttpSide side, HttpMessage message);

    HttpAnswer OnBody(HttpSide side, ulong exchange, ReadOnlySpan<byte> data);

    HttpAnswer OnComplete(HttpSide side, ulong exchange);
}

/// <summary>What all parsers of an engine share. Immutable; any thread. The engine disposes it; its parsers may outlive that.</summary>
internal sealed unsafe class HttpParserConfig : IDisposable
{
    /// <param name="lineLimit">Longest line, in bytes; a longer one is not HTTP.</param>
    /// <param name="fieldLimit">Most fields of a message, 1 to 256.</param>
    /// <param name="inflateLimit">Most bytes that a compressed body may become, once it is out of proportion; 0: bodies stay compressed.</param>
    /// <param name="normalize">Messages have their normalized parts (<see cref="HttpMessage.Path"/> and so on).</param>
    public HttpParserConfig(int lineLimit, int fieldLimit, int inflateLimit, bool normalize = false)
    {
        var callbacks = HttpParser.Callbacks;
        Handle = HttpNative.CreateConfig(&callbacks, (ulong)lineLimit, (uint)fieldLimit, (uint)inflateLimit, normalize ? HttpNative.Normalize : 0);
        if (Handle.IsInvalid) throw new OutOfMemoryException("tosec_http_config_create");
    }

    public static string Version => Marshal.PtrToStringUTF8((nint)HttpNative.Version()) ?? "";

    internal HttpConfigHandle Handle { get; }

    public void Dispose() => Handle.Dispose();
}

/// <summary>
/// The HTTP/1.x parser of one connection, both directions. One thread at a time. What a callback throws is thrown by
/// <see cref="Feed"/>; the parser is then stopped.
/// </summary>
internal sealed unsafe class HttpParser : IDisposable
{
    private readonly IHttpEvents _events;
    private readonly HttpConnectionHandle _connection;
    private RequestPieces _requests;
    private GCHandle _self;
    private ExceptionDispatchInfo? _failure;

    public HttpParser(HttpParserConfig config, IHttpEvents events)
    {
        _events = events;
        _self = GCHandle.Alloc(this);
        try
        {
            _connection = new HttpConnectionHandle(config.Handle, GCHandle.ToIntPtr(_self));
        }
        catch
        {
            _self.Free();
            throw;
        }
    }

    internal static HttpNative.Callbacks Callbacks => new()
    {
        OnRequestStart = &RequestStart,
        OnRequestLine = &RequestLine,
        OnHeaders = &Headers,
        OnBody = &Body,
        OnComplete = &Complete,
    };

    /// <summary>
    /// How many of a client's next bytes to give to <see cref="Feed"/> at once; asked once for each of them, in order. What lies behind
    /// the end of a head or of a body is left for the next call.
    /// </summary>
    public int PieceOf(ReadOnlySpan<byte> request) => _requests.Next(request);

    /// <summary>Parses the next bytes of one direction; <paramref name="data"/> must not be empty.</summary>
    /// <param name="side">Whose bytes.</param>
    /// <param name="data">The bytes; read during the call only.</param>
    /// <param name="consumed">How many were taken: all of them unless the answer is <see cref="HttpFeed.OtherFirst"/>.</param>
    public HttpFeed Feed(HttpSide side, ReadOnlySpan<byte> data, out int consumed)
    {
        ulong taken = 0;
        int result;
        fixed (byte* bytes = data)
        {
            result = HttpNative.Feed(_connection, (uint)side, bytes, (ulong)data.Length, &taken);
        }

        _failure?.Throw();
        consumed = (int)taken;
        return (HttpFeed)result;
    }

    public void Dispose()
    {
        _connection.Dispose();
        if (_self.IsAllocated) _self.Free();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static int RequestStart(nint context, ulong exchange, ulong offset)
    {
        var parser = From(context);
        try
        {
            return (int)parser._events.OnRequestStart(exchange, (int)offset);
        }
        catch (Exception e)
        {
            return parser.Failed(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static int RequestLine(nint context, HttpNative.Message* message)
    {
        var parser = From(context);
        try
        {
            return (int)parser._events.OnRequestLine(new HttpMessage(message));
        }
        catch (Exception e)
        {
            return parser.Failed(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static int Headers(nint context, uint direction, HttpNative.Message* message)
    {
        var parser = From(context);
        try
        {
            var head = new HttpMessage(message);
            if ((HttpSide)direction == HttpSide.Request) parser._requests.HeadComplete(head.Framing, head.ContentLength);
            return (int)parser._events.OnHeaders((HttpSide)direction, head);
        }
        catch (Exception e)
        {
            return parser.Failed(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static int Body(nint context, uint direction, ulong exchange, byte* data, ulong length)
    {
        var parser = From(context);
        try
        {
            return (int)parser._events.OnBody((HttpSide)direction, exchange, new ReadOnlySpan<byte>(data, (int)length));
        }
        catch (Exception e)
        {
            return parser.Failed(e);
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(System.Runtime.CompilerServices.CallConvCdecl)])]
    private static int Complete(nint context, uint direction, ulong exchange)
    {
        var parser = From(context);
        try
        {
            return (int)parser._events.OnComplete((HttpSide)direction, exchange);
        }
        catch (Exception e)
        {
            return parser.Failed(e);
        }
    }

    private static HttpParser From(nint context) => (HttpParser)GCHandle.FromIntPtr(context).Target!;

    // No exception crosses a native frame: it waits here until Feed is back.
    private int Failed(Exception failure)
    {
        _failure ??= ExceptionDispatchInfo.Capture(failure);
        return (int)HttpAnswer.Stop;
    }
}
