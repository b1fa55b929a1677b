using System.Net;
using System.Net.Sockets;
using Tosec.Tests.Actors.Workers;

namespace Tosec.Tests.Peer;

/// <summary>The outside: plain kernel sockets, with deadlines that only guard against hanging.</summary>
internal static class OutsidePeer
{
    /// <summary>An address of no guest's: 127.0.0.1 is each guest's own.</summary>
    public static IPAddress Address { get; } = IPAddress.Parse("127.0.78.1");

    public static Socket Listen(IPAddress? address = null)
    {
        var endPoint = new IPEndPoint(address ?? Address, 0);
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(endPoint);
        socket.Listen(128);
        return socket;
    }

    public static Socket Connect(EndPoint endPoint, IPAddress? from = null)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (from is not null)
            socket.Bind(new IPEndPoint(from, 0));
        Guard(socket);
        socket.Connect(endPoint);
        return socket;
    }

    /// <summary>A guest's connection to a listener of ours, both ends.</summary>
    public static (GuestSocket Guest, Socket Peer) Connect(TestGuest guest, int channel = 1)
    {
        using var listener = Listen();
        var socket = guest.Socket(channel: channel);
        Assert.Equal(0, socket.Connect(listener.LocalEndPoint!));
        return (socket, Guard(listener.Accept()));
    }

    public static Socket Guard(Socket socket)
    {
        socket.ReceiveTimeout = socket.SendTimeout = (int)WorkerHarness.HangGuard.TotalMilliseconds;
        return socket;
    }

    /// <summary>Reads so many bytes, or to the end of the stream.</summary>
    public static byte[] Read(this Socket socket, int length = int.MaxValue)
    {
        var read = new MemoryStream();
        var buffer = new byte[Math.Min(length, 1 << 16)];
        while (read.Length < length)
        {
            var count = socket.Receive(buffer, 0, (int)Math.Min(buffer.Length, length - read.Length), SocketFlags.None);
            if (count == 0)
                break;
            read.Write(buffer, 0, count);
        }

        return read.ToArray();
    }

    public static string ReadText(this Socket socket, int length = int.MaxValue) => System.Text.Encoding.ASCII.GetString(socket.Read(length));

    public static void SendText(this Socket socket, string text) => socket.Send(System.Text.Encoding.ASCII.GetBytes(text));

    /// <summary>What the next read fails with.</summary>
    public static SocketError ReadError(this Socket socket)
    {
        var buffer = new byte[1 << 16];
        try
        {
            while (socket.Receive(buffer) > 0)
            {
            }

            return SocketError.Success;
        }
        catch (SocketException failure)
        {
            return failure.SocketErrorCode;
        }
    }

    /// <summary>Bytes that differ everywhere, so that a payload in the wrong place is seen.</summary>
    public static byte[] Pattern(int length, int seed)
    {
        var bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }
}
