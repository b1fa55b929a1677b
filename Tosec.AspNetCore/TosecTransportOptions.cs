namespace Tosec.AspNetCore;

/// <summary>How Kestrel serves TOSEC connections.</summary>
public sealed class TosecTransportOptions
{
    /// <summary>The agent's socket; null: the environment variable TOSEC_AGENT names it. A process has one agent.</summary>
    public string? Agent { get; set; }

    /// <summary>Connections that may wait to be accepted.</summary>
    public int Backlog { get; set; } = 512;

    /// <summary>
    /// A peer that ends its stream while a request of its is being served. False: it counts as gone, as with Kestrel's own sockets
    /// (<c>RequestAborted</c>). True: it may have closed only that half, and gets its answer; that it is gone shows when it is sent to.
    /// </summary>
    public bool ServeHalfClosed { get; set; }

    /// <summary>Bytes received and not yet read by the server, or written by it and not yet sent, at which a connection's other side waits.</summary>
    public long BufferBytes { get; set; } = 256 << 10;
}
