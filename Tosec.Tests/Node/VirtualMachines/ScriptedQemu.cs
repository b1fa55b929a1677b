using System.Net.Sockets;
using System.Text;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Node.VirtualMachines;

/// <summary>A peer at the other end of QEMU's control socket that says what a test wants it to.</summary>
internal sealed class ScriptedQemu : IDisposable
{
    public const string Greeting = """{"QMP": {"version": {}, "capabilities": ["oob"]}}""" + "\r\n";
    public const string Agreed = """{"return": {}, "id": 1}""" + "\r\n";

    private readonly TemporaryDirectory _directory = new();
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly TaskCompletionSource _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="answers">Said in turn: the first at once, the others each after a request.</param>
    public ScriptedQemu(params string[] answers)
    {
        _listener.Bind(new UnixDomainSocketEndPoint(Path));
        _listener.Listen();
        Conversation = Task.Run(() => TalkAsync(answers));
    }

    public string Path => _directory["qmp.sock"];

    /// <summary>What was asked, when all answers were given; the connection ends then.</summary>
    public Task<string[]> Conversation { get; }

    /// <summary>Keeps the connection after the last answer, until disposal.</summary>
    public bool StaysSilent { get; init; }

    public void Dispose()
    {
        _released.TrySetResult();
        _listener.Dispose();
        _directory.Dispose();
    }

    private async Task<string[]> TalkAsync(string[] answers)
    {
        using var peer = await _listener.AcceptAsync();
        var asked = new List<string>();
        var buffer = new byte[65536];
        foreach (var (answer, i) in answers.Select((a, i) => (a, i)))
        {
            if (i > 0)
                asked.Add(Encoding.UTF8.GetString(buffer, 0, await peer.ReceiveAsync(buffer)));
            try
            {
                for (var bytes = Encoding.UTF8.GetBytes(answer).AsMemory(); bytes.Length > 0;)
                    bytes = bytes[await peer.SendAsync(bytes)..];
            }
            catch (SocketException)
            {
                // Whoever asked has heard enough.
                break;
            }
        }

        if (StaysSilent)
            await _released.Task;
        return [.. asked];
    }
}
