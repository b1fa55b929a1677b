using System.Runtime.InteropServices;

namespace Tosec.Engines.Http;

/// <summary>Owns a <c>tosec_http_config</c>.</summary>
internal sealed class HttpConfigHandle() : SafeHandle(0, ownsHandle: true)
{
    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        HttpNative.FreeConfig(handle);
        return true;
    }
}

/// <summary>Owns a <c>tosec_http</c>, and keeps its configuration alive until it is gone.</summary>
internal sealed class HttpConnectionHandle : SafeHandle
{
    private readonly HttpConfigHandle _config;

    public HttpConnectionHandle(HttpConfigHandle config, nint context) : base(0, ownsHandle: true)
    {
        _config = config;
        var added = false;
        config.DangerousAddRef(ref added);
        SetHandle(HttpNative.Open(config, context));
        if (!IsInvalid) return;
        config.DangerousRelease();
        throw new OutOfMemoryException("tosec_http_open");
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle()
    {
        HttpNative.Free(handle);
        _config.DangerousRelease();
        return true;
    }
}
