using System.Buffers.Binary;
using Tosec.Transport.Shm.Interop;

namespace Tosec.Transport.Shm.Attachment;

/// <summary>
/// A peer's connection to an ivshmem server: the memory, its own event descriptors, and those of the others. The server may be any
/// that speaks the protocol without later joins and leaves.
/// </summary>
internal sealed class IvshmemClient : IDisposable
{
    private const int MaxPeers = 64;
    private const int MaxVectors = 1024;

    private readonly Dictionary<int, List<EventFd>> _bells = [];

    private IvshmemClient(UnixSocket socket) => Socket = socket;

    /// <summary>Readable when the server is gone.</summary>
    internal UnixSocket Socket { get; }

    internal LinkNumber Number { get; private set; }

    /// <summary>Owned by this client.</summary>
    internal MemoryDescriptor Memory { get; private set; } = null!;

    /// <summary>Rung for this peer, by vector.</summary>
    internal IReadOnlyList<EventFd> Own => _bells[Number.Value];

    /// <summary>Vectors that a peer listens to; empty for one that is not there.</summary>
    internal IReadOnlyList<EventFd> Of(LinkNumber peer) => _bells.TryGetValue(peer.Value, out var bells) ? bells : [];

    /// <param name="path">Socket of our slot.</param>
    /// <param name="vectors">Event descriptors of our own to wait for: the protocol has no mark for the last one.</param>
    /// <exception cref="NativeFailure">Nobody listens at the path.</exception>
    /// <exception cref="IOException">The server turned us away, or does not speak the protocol.</exception>
    internal static IvshmemClient Connect(string path, int vectors)
    {
        var client = new IvshmemClient(UnixSocket.Connect(path, packets: false));
        try
        {
            client.Introduce(path, vectors);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Socket.Dispose();
        Memory?.Dispose();
        foreach (var bell in _bells.Values.SelectMany(b => b))
            bell.Dispose();
    }

    private void Introduce(string path, int vectors)
    {
        var (version, extra) = Next(path);
        Close(extra);
        if (version != 0)
            throw new IOException($"{path}: ivshmem protocol version {version}, expected 0");
        (var id, extra) = Next(path);
        Close(extra);
        if (id is < 0 or > ushort.MaxValue)
            throw new IOException($"{path}: peer id {id} is out of range");
        Number = LinkNumber.From((int)id);
        var (mark, memory) = Next(path);
        if (mark != -1 || memory < 0)
        {
            Close(memory);
            throw new IOException($"{path}: expected the shared memory, got {mark}");
        }

        Memory = new MemoryDescriptor(memory);
        // The server announces everybody else first, and us last.
        while (!_bells.TryGetValue(Number.Value, out var own) || own.Count < vectors)
        {
            var (peer, descriptor) = Next(path);
            if (descriptor < 0)
                continue;
            var bell = new EventFd(descriptor);
            if (peer is < 0 or > ushort.MaxValue || (_bells.Count >= MaxPeers && !_bells.ContainsKey((int)peer)))
            {
                bell.Dispose();
                throw new IOException($"{path}: announces peer {peer}, out of range");
            }

            if (!_bells.TryGetValue((int)peer, out var list))
                _bells[(int)peer] = list = [];
            list.Add(bell);
            if (list.Count > MaxVectors)
                throw new IOException($"{path}: announces more than {MaxVectors} vectors of peer {peer}");
        }
    }

    private (long Value, int Descriptor) Next(string path)
    {
        Span<byte> message = stackalloc byte[sizeof(long)];
        Span<int> descriptors = stackalloc int[1];
        var received = Socket.TryReceive(message, descriptors, out var count, wait: true);
        if (received != message.Length)
        {
            Close(count == 1 ? descriptors[0] : -1);
            throw received == 0
                ? new IOException($"{path}: the host node closed the connection: the slot is taken, or the host is stopping")
                : received < 0
                    ? NativeFailure.From(-received, $"recvmsg({path})")
                    : new IOException($"{path}: a message of {received} bytes, expected {message.Length}");
        }

        return (BinaryPrimitives.ReadInt64LittleEndian(message), count == 1 ? descriptors[0] : -1);
    }

    private static void Close(int descriptor)
    {
        if (descriptor >= 0)
            new MemoryDescriptor(descriptor).Dispose();
    }
}
