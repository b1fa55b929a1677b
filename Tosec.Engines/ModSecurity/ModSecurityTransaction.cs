using System.Runtime.InteropServices;

namespace Tosec.Engines.ModSecurity;

/// <summary>
/// One request and its response before the rules: phases in order, each ending in "goes on" or "is denied". Whoever made it
/// disposes it. One thread at a time.
/// </summary>
internal sealed unsafe class ModSecurityTransaction : IDisposable
{
    private const int MaxMatches = 256;

    private readonly byte[] _logAnchor;
    private readonly TransactionHandle _handle;
    private readonly List<long> _matches = [];
    private GCHandle _self;

    /// <param name="rules">The rules; the transaction keeps them alive.</param>
    /// <param name="logAnchor">
    /// The bytes that precede a rule's own metadata in a log line and that no request can contain: the private folder that the
    /// rules were loaded from. What stands before it is attacker's text.
    /// </param>
    public ModSecurityTransaction(RuleSetHandle rules, byte[] logAnchor)
    {
        _logAnchor = logAnchor;
        _self = GCHandle.Alloc(this);
        try
        {
            _handle = new TransactionHandle(rules, GCHandle.ToIntPtr(_self));
        }
        catch
        {
            _self.Free();
            throw;
        }
    }

    /// <summary>Numbers of the rules that matched so far and were worth a log line, in order, each once.</summary>
    public IReadOnlyList<long> Matches => _matches;

    /// <summary>Texts are NUL-terminated UTF-8.</summary>
    public void Connection(byte[] client, int clientPort, byte[] server, int serverPort)
    {
        fixed (byte* clientBytes = client, serverBytes = server)
        {
            _ = ModSecurityNative.ProcessConnection(_handle, clientBytes, clientPort, serverBytes, serverPort);
        }
    }

    /// <summary>The request line; <paramref name="version"/> is <c>1.1</c>, not <c>HTTP/1.1</c>. Without NUL bytes inside.</summary>
    public void Uri(ReadOnlySpan<byte> target, ReadOnlySpan<byte> method, ReadOnlySpan<byte> version)
    {
        // Three NUL-terminated texts one behind the other.
        var length = target.Length + method.Length + version.Length + 3;
        Span<byte> texts = length <= 1024 ? stackalloc byte[length] : new byte[length];
        texts.Clear();
        target.CopyTo(texts);
        method.CopyTo(texts[(target.Length + 1)..]);
        version.CopyTo(texts[(target.Length + method.Length + 2)..]);
        fixed (byte* bytes = texts)
        {
            _ = ModSecurityNative.ProcessUri(
                _handle, bytes, bytes + target.Length + 1, bytes + target.Length + method.Length + 2);
        }
    }

    public void RequestField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        fixed (byte* nameBytes = name, valueBytes = value)
        {
            _ = ModSecurityNative.AddRequestHeader(_handle, nameBytes, (nuint)name.Length, valueBytes, (nuint)value.Length);
        }
    }

    /// <summary>Phase 1. True: denied.</summary>
    public bool RequestHeaders()
    {
        _ = ModSecurityNative.ProcessRequestHeaders(_handle);
        return Denied();
    }

    public void RequestBody(ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            _ = ModSecurityNative.AppendRequestBody(_handle, bytes, (nuint)data.Length);
        }
    }

    /// <summary>Phase 2. True: denied.</summary>
    public bool RequestBodyEnd()
    {
        _ = ModSecurityNative.ProcessRequestBody(_handle);
        return Denied();
    }

    public void ResponseField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        fixed (byte* nameBytes = name, valueBytes = value)
        {
            _ = ModSecurityNative.AddResponseHeader(_handle, nameBytes, (nuint)name.Length, valueBytes, (nuint)value.Length);
        }
    }

    /// <summary>Phase 3. True: denied.</summary>
    public bool ResponseHeaders(int status)
    {
        fixed (byte* protocol = "HTTP/1.1\0"u8)
        {
            _ = ModSecurityNative.ProcessResponseHeaders(_handle, status, protocol);
        }

        return Denied();
    }

    public void ResponseBody(ReadOnlySpan<byte> data)
    {
        fixed (byte* bytes = data)
        {
            _ = ModSecurityNative.AppendResponseBody(_handle, bytes, (nuint)data.Length);
        }
    }

    /// <summary>Phase 4. True: denied.</summary>
    public bool ResponseBodyEnd()
    {
        _ = ModSecurityNative.ProcessResponseBody(_handle);
        return Denied();
    }

    public void Dispose()
    {
        _handle.Dispose();
        if (_self.IsAllocated) _self.Free();
    }

    /// <summary>Takes the rule's number out of one log line of the library. Does not throw.</summary>
    internal void Logged(ReadOnlySpan<byte> line)
    {
        var anchor = line.IndexOf(_logAnchor);
        if (anchor < 0) return;
        line = line[anchor..];
        var begin = line.IndexOf("[id \""u8);
        if (begin < 0) return;
        if (!System.Buffers.Text.Utf8Parser.TryParse(line[(begin + 5)..], out long id, out _)) return;
        if (_matches.Count < MaxMatches && !_matches.Contains(id)) _matches.Add(id);
    }

    private bool Denied()
    {
        var intervention = new ModSecurityNative.Intervention { Status = 200 };
        _ = ModSecurityNative.Intervene(_handle, &intervention);
        if (intervention.Log is not null)
        {
            // The rule that denies is not sent to the log callback: this is where it says its number.
            Logged(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(intervention.Log));
            NativeMemory.Free(intervention.Log);
        }

        if (intervention.Url is not null) NativeMemory.Free(intervention.Url);
        return intervention.Disruptive != 0;
    }
}
