using System.Net;
using System.Net.Sockets;
using System.Text;
using Tosec.Transport.Shm.Client;

namespace Tosec.Tests.Peer;

/// <summary>
/// <c>dotnet Tosec.Tests.dll client AGENT LISTEN CONNECT</c>: a .NET program of a guest, in a process of its own because a process has
/// one agent. Serves one connection at LISTEN with an echo to its end, then asks CONNECT for a page and prints the last line of it.
/// </summary>
internal static class ClientPeer
{
    public static bool IsMeant(string[] args) => args.Length == 4 && args[0] == "client";

    public static async Task<int> RunAsync(string[] args)
    {
        TosecSocket.UseAgent(args[1]);
        using (var listener = new TosecSocket(AddressFamily.InterNetwork))
        {
            listener.Bind(IPEndPoint.Parse(args[2]));
            listener.Listen();
            Console.Error.WriteLine("listening");
            await using var stream = new TosecStream(await listener.AcceptAsync());
            Console.WriteLine(stream.Socket.RemoteEndPoint);
            await stream.CopyToAsync(stream);
        }

        using var client = new TosecSocket(AddressFamily.InterNetwork);
        await client.ConnectAsync(IPEndPoint.Parse(args[3]));
        await client.SendAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: outside.example\r\nAccept: */*\r\nUser-Agent: test\r\n\r\n"));
        var buffer = new byte[4096];
        var n = await client.ReceiveAsync(buffer);
        Console.WriteLine(Encoding.ASCII.GetString(buffer, 0, n).Split('\n')[^1]);
        return 0;
    }
}
