using System.Text;

namespace Tosec.Engines.Http;

/// <summary>Which half of an exchange.</summary>
internal enum HttpSide : uint
{
    Request = 0,
    Response = 1,
}

/// <summary>How the end of a message's body is found.</summary>
internal enum HttpFraming : uint
{
    None = 0,
    Length = 1,
    Chunked = 2,
    UntilClose = 3,
    Invalid = 4,
}

/// <summary>What is wrong with a message: the values of <c>native/tosec_http.h</c>.</summary>
[Flags]
internal enum HttpFlaws : uint
{
    None = 0,
    Smuggling = 0x0001,
    TransferEncoding = 0x0002,
    ContentLength = 0x0004,
    Folded = 0x0008,
    Nul = 0x0010,
    BareCr = 0x0020,
    BareLf = 0x0040,
    Host = 0x0080,
    Field = 0x0100,
    TooManyFields = 0x0200,
    StatusLine = 0x0400,
    Unmatched = 0x0800,
    Request = 0x1000,
    Control = 0x2000,
}

/// <summary>A request's or response's first line and fields, over the parser's memory: valid during one callback only.</summary>
internal readonly unsafe ref struct HttpMessage(HttpNative.Message* message)
{
    public ulong Exchange => message->Exchange;

    /// <summary>Bytes; -1 when the message does not say.</summary>
    public long ContentLength => message->ContentLength;

    /// <summary>Where the body begins (in <c>OnRequestLine</c>: where the fields begin) in the bytes being fed.</summary>
    public int BodyOffset => checked((int)message->BodyOffset);

    public ReadOnlySpan<byte> Method => message->Method.Span;

    public ReadOnlySpan<byte> Target => message->Target.Span;

    public ReadOnlySpan<byte> Protocol => message->Protocol.Span;

    /// <summary>The target's path, decoded and with its separators and dots resolved. Empty unless asked for.</summary>
    public ReadOnlySpan<byte> Path => message->Path.Span;

    /// <summary>The target has a query, empty or not. False unless asked for.</summary>
    public bool HasQuery => message->Query.Data != null;

    /// <summary>The target's query, decoded once. Empty unless asked for.</summary>
    public ReadOnlySpan<byte> Query => message->Query.Span;

    /// <summary>The first line without its end. Empty unless asked for.</summary>
    public ReadOnlySpan<byte> Line => message->Line.Span;

    /// <summary>The text behind a response's status. Empty unless asked for.</summary>
    public ReadOnlySpan<byte> Reason => message->Reason.Span;

    /// <summary>The fields as they were sent. Empty unless asked for.</summary>
    public ReadOnlySpan<byte> RawFields => message->RawFields.Span;

    public HttpFlaws Flaws => (HttpFlaws)message->Flags;

    public HttpFraming Framing => (HttpFraming)message->Framing;

    public int Status => message->Status;

    public int FieldCount => (int)message->FieldCount;

    public HttpField FieldAt(int index) =>
        (uint)index < message->FieldCount ? new(&message->Fields[index]) : throw new ArgumentOutOfRangeException(nameof(index));

    /// <summary>The field of this name in any case; the names of a message are unique (repeated ones are joined).</summary>
    public bool TryGet(ReadOnlySpan<byte> name, out HttpField field)
    {
        for (var i = 0; i < FieldCount; i++)
        {
            field = FieldAt(i);
            if (Ascii.EqualsIgnoreCase(field.Name, name)) return true;
        }

        field = default;
        return false;
    }
}

/// <summary>One field of a message; valid during one callback only.</summary>
internal readonly unsafe ref struct HttpField(HttpNative.Field* native)
{
    public ReadOnlySpan<byte> Name => native->Name.Span;

    public ReadOnlySpan<byte> Value => native->Value.Span;

    /// <summary>The message had this field more than once; the value is all of them, joined.</summary>
    public bool Repeated => (native->Flags & 1) != 0;
}
