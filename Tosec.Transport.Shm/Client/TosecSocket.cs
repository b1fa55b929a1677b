using System.Net;
using System.Net.Sockets;
using Tosec.Transport.Shm.Layout;

namespace Tosec.Transport.Shm.Client;

/// <summary>A TCP socket of a TOSEC guest, without the preload library: the bytes travel over the guest's shared memory.</summary>
/// <remarks>
/// It holds a real kernel descriptor whose readiness is the stream's readiness, so .NET's own socket engine does the waiting: a
/// peek for readability, one byte into the descriptor's small buffer for room to send (nobody reads that byte; the agent removes
/// it). Any thread may call; one receive and one send may run at a time. Nothing blocks but the synchronous methods and the
/// short requests to the TOE (open, bind, listen, connect, options, shutdown). Failures are <see cref="SocketException"/> with the
/// kernel's reason; <see cref="SocketError.NetworkDown"/> when no agent or no TOE answers. Not for a process that also runs
/// under libtosec-preload.so.
/// </remarks>
public sealed class TosecSocket : IDisposable
{
    private static readonly byte[] _waitByte = new byte[1]; // what is peeked or sent while waiting has no meaning

    private readonly Socket _end;
    private readonly SafeSocketHandle _handle;
    private readonly int _descriptor;
    private int _disposed;

    /// <param name="family">InterNetwork or InterNetworkV6.</param>
    public TosecSocket(AddressFamily family) : this(Open(family))
    {
    }

    private TosecSocket(int descriptor)
    {
        _descriptor = descriptor;
        _handle = new SafeSocketHandle(descriptor, ownsHandle: true);
        _end = new Socket(_handle);
    }

    public IPEndPoint? LocalEndPoint => Name(remote: false);

    public IPEndPoint? RemoteEndPoint => Name(remote: true);

    public bool NoDelay
    {
        get => GetOption(6, 1) != 0;
        set => SetOption(6, 1, value ? 1 : 0);
    }

    /// <summary>The agent's socket; without this call TOSEC_AGENT says it. A process has one agent: call it before the first socket.</summary>
    public static void UseAgent(string socketPath) => Check(TosecClientCalls.SetAgent(socketPath));

    /// <summary>Binds. As .NET's own sockets do on Linux, it lets a server start again while connections of its predecessor fade.</summary>
    public unsafe void Bind(IPEndPoint endPoint)
    {
        const int SOL_SOCKET = 1, SO_REUSEADDR = 2;
        SetOption(SOL_SOCKET, SO_REUSEADDR, 1);
        var address = SharedAddress.From(endPoint);
        Check(TosecClientCalls.Bind(_handle, &address));
    }

    public void Listen(int backlog = 512) => Check(TosecClientCalls.Listen(_handle, backlog));

    /// <summary>Connects. When cancelled, the attempt goes on in the background until the socket is disposed.</summary>
    public async ValueTask ConnectAsync(EndPoint endPoint, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (endPoint is DnsEndPoint)
            throw new NotSupportedException("Resolve the name first: names are not yet resolved by the TOE.");
        if (endPoint is not IPEndPoint ip)
            throw new ArgumentException("Not an IP end point.", nameof(endPoint));
        var answer = BeginConnect(ip);
        if (answer == -TosecClientCalls.EINPROGRESS)
        {
            // The descriptor is full until the agent says how it ended.
            await WaitForRoomAsync(cancellationToken).ConfigureAwait(false);
            answer = -GetOption(TosecClientCalls.SOL_SOCKET, TosecClientCalls.SO_ERROR);
        }

        Check(answer);
    }

    /// <summary>The next connection. The caller owns it.</summary>
    public async ValueTask<TosecSocket> AcceptAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var descriptor = AcceptNow();
            if (descriptor >= 0)
                return new TosecSocket(descriptor);
            if (descriptor != -TosecClientCalls.EAGAIN)
                throw TosecClientCalls.Failure(descriptor);
            await WaitForBytesAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Sends everything, or fails; how much had gone is then unknown, as with every stream socket.</summary>
    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken = default)
    {
        while (!bytes.IsEmpty)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var sent = SendNow(bytes.Span);
            if (sent >= 0)
                bytes = bytes[(int)sent..];
            else if (sent == -TosecClientCalls.EAGAIN)
                await WaitForRoomAsync(cancellationToken).ConfigureAwait(false);
            else if (sent != -TosecClientCalls.EINTR)
                throw TosecClientCalls.Failure(sent);
        }
    }

    /// <summary>Receives what is there, at least one byte; 0 at the stream's end. An empty buffer waits for either.</summary>
    public async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
        {
            await WaitForBytesAsync(cancellationToken).ConfigureAwait(false);
            return 0;
        }

        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var received = ReceiveNow(buffer.Span);
            if (received >= 0)
                return (int)received;
            if (received == -TosecClientCalls.EAGAIN)
                await WaitForBytesAsync(cancellationToken).ConfigureAwait(false);
            else if (received != -TosecClientCalls.EINTR)
                throw TosecClientCalls.Failure(received);
        }
    }

    /// <summary>Blocks until everything is handed over.</summary>
    public void Send(ReadOnlySpan<byte> bytes, int timeoutMilliseconds = Timeout.Infinite)
    {
        while (!bytes.IsEmpty)
        {
            var sent = SendNow(bytes);
            if (sent >= 0)
                bytes = bytes[(int)sent..];
            else if (sent == -TosecClientCalls.EAGAIN)
                Wait(SelectMode.SelectWrite, timeoutMilliseconds);
            else if (sent != -TosecClientCalls.EINTR)
                throw TosecClientCalls.Failure(sent);
        }
    }

    /// <summary>Blocks until there is at least one byte; 0 at the stream's end.</summary>
    public int Receive(Span<byte> buffer, int timeoutMilliseconds = Timeout.Infinite)
    {
        while (true)
        {
            var received = ReceiveNow(buffer);
            if (received >= 0)
                return (int)received;
            if (received == -TosecClientCalls.EAGAIN)
                Wait(SelectMode.SelectRead, timeoutMilliseconds);
            else if (received != -TosecClientCalls.EINTR)
                throw TosecClientCalls.Failure(received);
        }
    }

    public void Shutdown(SocketShutdown how) => Check(TosecClientCalls.Shutdown(_handle, (int)how));

    /// <summary>Linux numbers for level and name.</summary>
    public unsafe void SetOption(int level, int name, int value) =>
        Check(TosecClientCalls.SetOption(_handle, level, name, &value, sizeof(int)));

    /// <inheritdoc cref="SetOption"/>
    public unsafe int GetOption(int level, int name)
    {
        var value = 0;
        Check(TosecClientCalls.GetOption(_handle, level, name, &value, sizeof(int)));
        return value;
    }

    /// <summary>Closes at once: the peer gets a reset, and what was sent may be lost.</summary>
    public unsafe void Abort()
    {
        const int SO_LINGER = 13;
        var noLinger = stackalloc int[2] { 1, 0 };
        try
        {
            // If it fails the connection is over already.
            _ = TosecClientCalls.SetOption(_handle, TosecClientCalls.SOL_SOCKET, SO_LINGER, noLinger, 2 * sizeof(int));
        }
        catch (ObjectDisposedException)
        {
            // Closed before, or by another thread at this moment.
        }

        Dispose();
    }

    /// <summary>Closes: what was sent still arrives. Waits that run end with an exception.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        // First: another thread may be given the same number as soon as it is closed.
        _ = TosecClientCalls.Forget(_descriptor);
        _end.Dispose();
    }

    private static int Open(AddressFamily family)
    {
        var number = family switch
        {
            AddressFamily.InterNetwork => 4,
            AddressFamily.InterNetworkV6 => 6,
            _ => throw new SocketException((int)SocketError.AddressFamilyNotSupported),
        };
        return Check(TosecClientCalls.Open(number, nonblocking: 1));
    }

    private static int Check(int answer) => answer >= 0 ? answer : throw TosecClientCalls.Failure(answer);

    private unsafe int BeginConnect(IPEndPoint endPoint)
    {
        var address = SharedAddress.From(endPoint);
        return TosecClientCalls.Connect(_handle, &address);
    }

    private unsafe int AcceptNow() => TosecClientCalls.Accept(_handle, null, nonblocking: 1);

    private unsafe long SendNow(ReadOnlySpan<byte> bytes)
    {
        fixed (byte* at = bytes)
            return TosecClientCalls.Send(_handle, at, bytes.Length, TosecClientCalls.MSG_DONTWAIT);
    }

    private unsafe long ReceiveNow(Span<byte> buffer)
    {
        fixed (byte* at = buffer)
            return TosecClientCalls.Receive(_handle, at, buffer.Length, TosecClientCalls.MSG_DONTWAIT);
    }

    private unsafe IPEndPoint? Name(bool remote)
    {
        SharedAddress address;
        var answer = remote ? TosecClientCalls.RemoteName(_handle, &address) : TosecClientCalls.LocalName(_handle, &address);
        return answer < 0 ? null : address.ToEndPoint();
    }

    private async ValueTask WaitForBytesAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _end.ReceiveAsync(_waitByte.AsMemory(), SocketFlags.Peek, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException) when (_disposed == 0)
        {
            // The agent's end is gone; the stream's state knows why, and the next call says it.
        }
    }

    private async ValueTask WaitForRoomAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _end.SendAsync(_waitByte.AsMemory(), SocketFlags.None, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException) when (_disposed == 0)
        {
            // As above.
        }
    }

    private void Wait(SelectMode mode, int timeoutMilliseconds)
    {
        var microseconds = timeoutMilliseconds < 0 ? -1 : (int)Math.Min(timeoutMilliseconds * 1000L, int.MaxValue);
        if (!_end.Poll(microseconds, mode))
            throw new SocketException((int)SocketError.TimedOut);
    }
}
