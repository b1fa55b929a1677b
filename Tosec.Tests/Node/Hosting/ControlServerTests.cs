using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Serilog.Core;
using Tosec.Actors.Commands;
using Tosec.Node.CommandLine;
using Tosec.Node.Hosting;
using Tosec.Tests.Peer;

namespace Tosec.Tests.Node.Hosting;

public sealed class ControlServerTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly CommandTree _tree = new();

    public ControlServerTests()
    {
        _tree.Add("test", "ping", "Answers", _ => CommandResult.FromText("pong"));
        _tree.Add("test", "large", "Answers at length", _ => CommandResult.FromText(new string('x', 8 << 20)));
    }

    private string SocketPath => _directory["n.ctl"];

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task A_request_is_answered_and_the_socket_is_the_owners_alone()
    {
        await using var server = Start();
        Assert.Equal("pong", (await CallAsync("test", "ping")).Text);
        Assert.Contains("test ping", (await CallAsync()).Text, StringComparison.Ordinal);
        Assert.Equal("there is no palette 'nope'", (await CallAsync("nope")).Error);
        Assert.Equal(8 << 20, (await CallAsync("test", "large")).Text!.Length);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(SocketPath));
    }

    [Fact]
    public async Task The_socket_file_is_gone_afterwards_and_nothing_else_was_left()
    {
        await Start().DisposeAsync();
        Assert.Empty(Directory.GetFileSystemEntries(_directory.Path));
    }

    [Fact]
    public async Task A_dead_nodes_socket_is_replaced_and_a_living_ones_is_not()
    {
        using (var dead = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            dead.Bind(new UnixDomainSocketEndPoint(_directory["x"]));
            File.Move(_directory["x"], SocketPath);
        }

        await using var server = Start();
        Assert.Equal("pong", (await CallAsync("test", "ping")).Text);
        var e = Assert.Throws<NodeStartException>(Start);
        Assert.Equal($"another node listens on {SocketPath} (tosec.control.socket)", e.Message);
        Assert.Equal("pong", (await CallAsync("test", "ping")).Text);
    }

    [Fact]
    public void What_is_no_socket_is_left_alone()
    {
        _directory.Write("n.ctl", "precious");
        Assert.Contains("is no socket", Assert.Throws<NodeStartException>(Start).Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(SocketPath));
        File.Delete(SocketPath);
        File.CreateSymbolicLink(SocketPath, _directory["elsewhere"]);
        Assert.Contains("is no socket", Assert.Throws<NodeStartException>(Start).Message, StringComparison.Ordinal);
        File.Delete(SocketPath);
        Directory.CreateDirectory(SocketPath);
        Assert.Contains("is no socket", Assert.Throws<NodeStartException>(Start).Message, StringComparison.Ordinal);
        Assert.Contains(
            "cannot listen on /nope/n.ctl",
            Assert.Throws<NodeStartException>(() => ControlServer.Start(_tree, "/nope/n.ctl", Logger.None)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("\n")]
    [InlineData("{}\n")]
    [InlineData("[]\n")]
    [InlineData("{\"words\": 7}\n")]
    [InlineData("{\"words\": [7]}\n")]
    [InlineData("{\"words\": [[[[[[\"x\"]]]]]]}\n")]
    [InlineData("{\"words\": [\"\\ud800\"]}\n")]
    [InlineData("{\"words\": [\"test\", \"ping\"\n")]
    [InlineData("GET / HTTP/1.1\r\n\r\n")]
    public async Task Garbage_is_answered_with_an_error(string request)
    {
        await using var server = Start();
        Assert.Contains("\"error\"", await SendAsync(Encoding.UTF8.GetBytes(request)), StringComparison.Ordinal);
        Assert.Equal("pong", (await CallAsync("test", "ping")).Text);
    }

    [Fact]
    public async Task Random_bytes_of_any_length_never_hurt_it()
    {
        await using var server = Start();
        foreach (var length in new[] { 1, 100, 4096, ControlServer.MaxRequestBytes, ControlServer.MaxRequestBytes + 1, 1 << 20 })
            await SendAsync(RandomNumberGenerator.GetBytes(length));
        Assert.Equal("pong", (await CallAsync("test", "ping")).Text);
    }

    [Fact]
    public async Task A_line_without_end_is_refused_at_the_limit()
    {
        await using var server = Start();
        var answer = await SendAsync(Encoding.UTF8.GetBytes(new string('x', ControlServer.MaxRequestBytes + 1)), isEnded: false);
        Assert.Contains("at most 65536 bytes", answer, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Callers_that_stay_silent_or_never_read_are_dropped_and_free_their_places()
    {
        await using var server = ControlServer.Start(_tree, SocketPath, Logger.None, requestLimit: TimeSpan.FromMilliseconds(200));
        var callers = new List<Socket>();
        for (var i = 0; i < 3 * ControlServer.MaxConnections; i++)
        {
            var caller = await ConnectAsync();
            callers.Add(caller);
            if (i % 2 == 0)
                await caller.SendAsync("{\"words\": [\"test\", \"large\"]}\n"u8.ToArray());
        }

        // The short limit is this caller's too, and this machine may be busy: it may need more than one attempt.
        using var limit = new CancellationTokenSource(TosecProcess.Patience);
        while (!await IsServedAsync())
            await Task.Delay(50, limit.Token);
        callers.ForEach(caller => caller.Dispose());

        async Task<bool> IsServedAsync()
        {
            try
            {
                return (await CallAsync("test", "ping")).Text == "pong";
            }
            catch (CommandLineException)
            {
                return false;
            }
        }
    }

    [Fact]
    public async Task A_command_that_never_ends_is_answered_for()
    {
        _tree.Add("test", "wait", "Waits", async (_, cancellation) =>
        {
            await Task.Delay(Timeout.Infinite, cancellation);
            return CommandResult.FromText("");
        });
        await using (var server = ControlServer.Start(_tree, SocketPath, Logger.None, commandLimit: TimeSpan.FromMilliseconds(50)))
            Assert.Equal("no answer within 0.05 s", (await CallAsync("test", "wait")).Error);

        var stopped = Start();
        using var caller = await ConnectAsync();
        await caller.SendAsync("{\"words\": [\"test\", \"wait\"]}\n"u8.ToArray());
        await stopped.DisposeAsync().AsTask().WaitAsync(TosecProcess.Patience);
    }

    private ControlServer Start() => ControlServer.Start(_tree, SocketPath, Logger.None);

    private Task<CommandResult> CallAsync(params string[] words) => ControlClient.CallAsync(SocketPath, words);

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        await socket.ConnectAsync(new UnixDomainSocketEndPoint(SocketPath));
        return socket;
    }

    // The server may answer and close before it has read everything; then sending fails, as it may.
    private async Task<string> SendAsync(byte[] request, bool isEnded = true)
    {
        using var socket = await ConnectAsync();
        using var limit = new CancellationTokenSource(TosecProcess.Patience);
        var answer = new MemoryStream();
        try
        {
            for (var sent = 0; sent < request.Length;)
                sent += await socket.SendAsync(request.AsMemory(sent), limit.Token);
            if (isEnded)
                socket.Shutdown(SocketShutdown.Send);
            var buffer = new byte[4096];
            for (int read; (read = await socket.ReceiveAsync(buffer, limit.Token)) > 0;)
                answer.Write(buffer, 0, read);
        }
        catch (SocketException)
        {
        }

        return Encoding.UTF8.GetString(answer.ToArray());
    }
}
