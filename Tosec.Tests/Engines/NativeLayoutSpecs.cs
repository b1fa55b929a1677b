using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Tosec.Engines.Http;
using Tosec.Engines.ModSecurity;

namespace Tosec.Tests.Engines;

/// <summary>The structs shared with native code lie as their tables say; the C side asserts the same.</summary>
public sealed class NativeLayoutSpecs
{
    [Fact]
    public void Http_structs_lie_as_tosec_http_h_says()
    {
        Assert.Equal(16, Unsafe.SizeOf<HttpNative.Bytes>());
        Assert.Equal(40, Unsafe.SizeOf<HttpNative.Field>());
        Assert.Equal(32, Offset<HttpNative.Field>(nameof(HttpNative.Field.Flags)));
        Assert.Equal(176, Unsafe.SizeOf<HttpNative.Message>());
        Assert.Equal(96, Offset<HttpNative.Message>(nameof(HttpNative.Message.Path)));
        Assert.Equal(112, Offset<HttpNative.Message>(nameof(HttpNative.Message.Query)));
        Assert.Equal(128, Offset<HttpNative.Message>(nameof(HttpNative.Message.Line)));
        Assert.Equal(144, Offset<HttpNative.Message>(nameof(HttpNative.Message.Reason)));
        Assert.Equal(160, Offset<HttpNative.Message>(nameof(HttpNative.Message.RawFields)));
        Assert.Equal(8, Offset<HttpNative.Message>(nameof(HttpNative.Message.ContentLength)));
        Assert.Equal(16, Offset<HttpNative.Message>(nameof(HttpNative.Message.BodyOffset)));
        Assert.Equal(24, Offset<HttpNative.Message>(nameof(HttpNative.Message.Fields)));
        Assert.Equal(32, Offset<HttpNative.Message>(nameof(HttpNative.Message.Method)));
        Assert.Equal(48, Offset<HttpNative.Message>(nameof(HttpNative.Message.Target)));
        Assert.Equal(64, Offset<HttpNative.Message>(nameof(HttpNative.Message.Protocol)));
        Assert.Equal(80, Offset<HttpNative.Message>(nameof(HttpNative.Message.FieldCount)));
        Assert.Equal(84, Offset<HttpNative.Message>(nameof(HttpNative.Message.Flags)));
        Assert.Equal(88, Offset<HttpNative.Message>(nameof(HttpNative.Message.Framing)));
        Assert.Equal(92, Offset<HttpNative.Message>(nameof(HttpNative.Message.Status)));
        Assert.Equal(5 * 8, Unsafe.SizeOf<HttpNative.Callbacks>());
    }

    [Fact]
    public void Intervention_lies_as_libmodsecurity_has_it()
    {
        Assert.Equal(32, Unsafe.SizeOf<ModSecurityNative.Intervention>());
        Assert.Equal(8, Offset<ModSecurityNative.Intervention>(nameof(ModSecurityNative.Intervention.Url)));
        Assert.Equal(16, Offset<ModSecurityNative.Intervention>(nameof(ModSecurityNative.Intervention.Log)));
        Assert.Equal(24, Offset<ModSecurityNative.Intervention>(nameof(ModSecurityNative.Intervention.Disruptive)));
    }

    private static int Offset<T>(string field) => (int)Marshal.OffsetOf<T>(field);
}
