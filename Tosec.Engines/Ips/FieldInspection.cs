using Tosec.Engines.Ips.Buffers;
using Tosec.Engines.Ips.Match;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips;

/// <summary>
/// The protocols of which only single fields are read: the server's name of TLS, the first lines of SSH, the questions of DNS. One
/// thread.
/// </summary>
internal sealed class FieldInspection(AppProtocol protocol, RuleJudge judge, MessageInspection client, MessageInspection server)
    : IDisposable
{
    private readonly byte[] _name = new byte[256];
    private ByteStore _hello;
    private DnsReader _dns;
    private bool _clientDone;
    private bool _serverDone;

    /// <summary>Bytes have come.</summary>
    /// <param name="side">Whose.</param>
    /// <param name="bytes">The new ones.</param>
    /// <param name="window">All that is kept of the side, the new ones included.</param>
    public void Feed(Sides side, ReadOnlySpan<byte> bytes, StreamWindow window)
    {
        switch (protocol)
        {
            case AppProtocol.Tls when side == Sides.ToServer && !_clientDone:
                ReadHello(window);
                break;
            case AppProtocol.Ssh when side == Sides.ToServer && !_clientDone:
                _clientDone = ReadLine(window, client);
                break;
            case AppProtocol.Ssh when side == Sides.ToClient && !_serverDone:
                _serverDone = ReadLine(window, server);
                break;
            case AppProtocol.Dns when side == Sides.ToServer:
                ReadQuestions(bytes);
                break;
        }
    }

    public void Dispose()
    {
        _hello.Dispose();
        _dns.Dispose();
    }

    private void ReadHello(StreamWindow window)
    {
        if (window.Start > 0)
        {
            _clientDone = true;
            return;
        }

        var state = TlsReader.ReadServerName(window.Bytes, ref _hello, out var name);
        _clientDone = state != ReaderState.NeedsMore;
        if (!_clientDone) return;
        client.Begin();
        if (state == ReaderState.Done) client.Buffers.Add(BufferKind.TlsSni, name);
        client.AskParts(judge);
    }

    private bool ReadLine(StreamWindow window, MessageInspection message)
    {
        if (window.Start > 0) return true;
        var state = SshReader.Read(window.Bytes, out var version, out var software);
        if (state == ReaderState.NeedsMore) return false;
        message.Begin();
        if (state == ReaderState.Done)
        {
            message.Buffers.Add(BufferKind.SshProtocol, version);
            message.Buffers.Add(BufferKind.SshSoftware, software);
        }

        message.AskParts(judge);
        return true;
    }

    private void ReadQuestions(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[_dns.Take(bytes, out var message)..];
            if (message.IsEmpty) continue;
            client.Begin();
            int at = 0, question = 0;
            while (DnsReader.TryName(message, ref at, ref question, _name, out var length))
                client.Buffers.Add(BufferKind.DnsQuery, _name.AsSpan(0, length));
            client.AskParts(judge);
        }
    }
}
