using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Tosec.Tests.Peer;

/// <summary>A DNS server by TCP only, with a table of IPv4 addresses. Counts the questions.</summary>
internal sealed class DnsServer : IDisposable
{
    private const int NoSuchName = 3;
    private readonly TcpListener _listener;
    private readonly IReadOnlyDictionary<string, IPAddress[]> _names;
    private int _questions;

    public DnsServer(IPAddress address, IReadOnlyDictionary<string, IPAddress[]> names)
    {
        _names = names;
        _listener = new TcpListener(address, 0);
        _listener.Start();
        _ = AcceptAllAsync();
    }

    public IPEndPoint EndPoint => (IPEndPoint)_listener.LocalEndpoint;

    public int Questions => Volatile.Read(ref _questions);

    public void Dispose() => _listener.Dispose();

    private async Task AcceptAllAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync());
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            var stream = client.GetStream();
            var prefix = new byte[2];
            try
            {
                while (true)
                {
                    await stream.ReadExactlyAsync(prefix);
                    var query = new byte[BinaryPrimitives.ReadUInt16BigEndian(prefix)];
                    await stream.ReadExactlyAsync(query);
                    Interlocked.Increment(ref _questions);
                    var answer = Answer(query);
                    await stream.WriteAsync((byte[])[(byte)(answer.Length >> 8), (byte)answer.Length, .. answer]);
                }
            }
            catch (IOException)
            {
                // The asker has what it wanted.
            }
        }
    }

    private byte[] Answer(byte[] query)
    {
        const ushort A = 1, Ptr = 12;
        var labels = new List<string>();
        var at = 12;
        for (; query[at] != 0; at += 1 + query[at])
            labels.Add(Encoding.ASCII.GetString(query, at + 1, query[at]));
        var type = BinaryPrimitives.ReadUInt16BigEndian(query.AsSpan(at + 1));
        var name = string.Join('.', labels).ToLowerInvariant();
        byte[][] records = [];
        var known = _names.TryGetValue(name, out var addresses);
        if (known && type == A)
            records = [.. addresses!.Select(a => a.GetAddressBytes())];
        else if (type == Ptr && _names.FirstOrDefault(n => n.Value.Any(a => Reverse(a) == name)).Key is { } owner)
            (known, records) = (true, [[.. owner.Split('.').SelectMany(l => (byte[])[(byte)l.Length, .. Encoding.ASCII.GetBytes(l)]), 0]]);
        var answer = new List<byte>(query[..(at + 5)]);
        (answer[2], answer[3]) = (0x81, (byte)(0x80 | (known ? 0 : NoSuchName)));
        (answer[6], answer[7], answer[10], answer[11]) = ((byte)(records.Length >> 8), (byte)records.Length, 0, 0);
        // The owner's name is the question's, by pointer; then type, class, an hour to live.
        foreach (var data in records)
            answer.AddRange([0xc0, 12, 0, (byte)type, 0, 1, 0, 0, 14, 16, (byte)(data.Length >> 8), (byte)data.Length, .. data]);
        return [.. answer];
    }

    private static string Reverse(IPAddress address) => string.Join('.', address.ToString().Split('.').Reverse()) + ".in-addr.arpa";
}
