using System.Buffers;
using System.Net.Sockets;
using System.Text.Json;
using Serilog;
using Tosec.Actors.Commands;

namespace Tosec.Node.Hosting;

/// <summary>
/// Answers commands on a UNIX socket (mode 0600): one line with a JSON request, one with the answer, then it closes. Callers are the
/// node's own user, and still bounded in number, size and time, so that a stuck or broken one costs nobody else anything.
/// </summary>
/// <remarks>Request: <c>{"words": ["stream", "list"]}</c>. Answer: as <see cref="CommandJson"/> writes it.</remarks>
public sealed class ControlServer : IAsyncDisposable
{
    /// <summary>Largest request, in bytes.</summary>
    public const int MaxRequestBytes = 64 << 10;

    /// <summary>Most callers at a time; one more waits in the kernel's queue.</summary>
    public const int MaxConnections = 16;

    private const int Backlog = 64;
    private readonly CommandTree _commands;
    private readonly string _path;
    private readonly ILogger _log;
    private readonly TimeSpan _requestLimit;
    private readonly TimeSpan _commandLimit;
    private readonly Socket _listener;
    private readonly CancellationTokenSource _stopping = new();
    private readonly SemaphoreSlim _free = new(MaxConnections);
    private readonly Task _accepting;

    private ControlServer(
        CommandTree commands, string path, Socket listener, ILogger log, TimeSpan requestLimit, TimeSpan commandLimit)
    {
        _commands = commands;
        _path = path;
        _listener = listener;
        _log = log;
        _requestLimit = requestLimit;
        _commandLimit = commandLimit;
        _accepting = Task.Run(AcceptAsync);
    }

    /// <summary>Listens. A socket file left by a dead node is replaced.</summary>
    /// <param name="commands">What can be called.</param>
    /// <param name="path">Path of the socket file.</param>
    /// <param name="log">Told of handlers that fail.</param>
    /// <param name="requestLimit">Longest time a caller may take to write its request or to read its answer; null: 5 s.</param>
    /// <param name="commandLimit">Longest time a command may take; null: 30 s.</param>
    /// <exception cref="NodeStartException">Another node listens there, or the path cannot be used.</exception>
    public static ControlServer Start(
        CommandTree commands, string path, ILogger log, TimeSpan? requestLimit = null, TimeSpan? commandLimit = null) =>
        new(
            commands, path, UnixSockets.Listen(path, Backlog, "tosec.control.socket"), log,
            requestLimit ?? TimeSpan.FromSeconds(5), commandLimit ?? TimeSpan.FromSeconds(30));

    /// <summary>Stops listening, removes the socket file, and waits for the answers under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        for (var i = 0; i < MaxConnections; i++)
            await _free.WaitAsync().ConfigureAwait(false);
        File.Delete(_path);
        _stopping.Dispose();
        _free.Dispose();
    }

    private static byte[] Encode(CommandResult result)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
            CommandJson.Write(writer, result);
        buffer.Write("\n"u8);
        return buffer.WrittenSpan.ToArray();
    }

    private static string[]? Decode(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 4 });
            if (document.RootElement.ValueKind != JsonValueKind.Object
                || !document.RootElement.TryGetProperty("words", out var words) || words.ValueKind != JsonValueKind.Array
                || words.EnumerateArray().Any(word => word.ValueKind != JsonValueKind.String))
                return null;
            return [.. words.EnumerateArray().Select(word => word.GetString()!)];
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // GetString throws InvalidOperationException for text that is no valid UTF-16 (a lone surrogate in an escape).
            return null;
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await _free.WaitAsync(_stopping.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                return;
            }

            try
            {
                var caller = await _listener.AcceptAsync(_stopping.Token).ConfigureAwait(false);
                _ = ServeAsync(caller);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                _free.Release();
            }
            catch (SocketException e)
            {
                // Out of descriptors, most likely: the node goes on, and the next callers get their turn when there are some again.
                _log.Warning("control socket: {Error:l}", e.Message);
                _free.Release();
                await Task.Delay(TimeSpan.FromMilliseconds(100)).ConfigureAwait(false);
            }
        }
    }

    private async Task ServeAsync(Socket caller)
    {
        try
        {
            var answer = await AnswerAsync(caller).ConfigureAwait(false);
            using var limit = Limit(_requestLimit);
            for (var sent = 0; sent < answer.Length;)
                sent += await caller.SendAsync(answer.AsMemory(sent), limit.Token).ConfigureAwait(false);
            caller.Shutdown(SocketShutdown.Send);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // The caller is gone, too slow, or the node stops: there is nobody to tell.
        }
        catch (Exception e)
        {
            _log.Error(e, "control socket: an answer failed");
        }
        finally
        {
            caller.Dispose();
            _free.Release();
        }
    }

    private async Task<byte[]> AnswerAsync(Socket caller)
    {
        var line = await ReadLineAsync(caller).ConfigureAwait(false);
        if (line is null)
            return Encode(CommandResult.Failed($"a request is one line of at most {MaxRequestBytes} bytes"));
        if (Decode(line.Value) is not { } words)
            return Encode(CommandResult.Failed("a request is one line of JSON: {\"words\": [\"palette\", \"command\", …]}"));
        using var limit = Limit(_commandLimit);
        try
        {
            return Encode(await _commands.RunAsync(words, limit.Token, OnFailure).ConfigureAwait(false));
        }
        catch (OperationCanceledException)
        {
            return Encode(CommandResult.Failed(
                _stopping.IsCancellationRequested ? "the node stops" : $"no answer within {_commandLimit.TotalSeconds} s"));
        }
    }

    private async Task<ReadOnlyMemory<byte>?> ReadLineAsync(Socket caller)
    {
        using var limit = Limit(_requestLimit);
        var buffer = new ArrayBufferWriter<byte>(1024);
        while (buffer.WrittenCount <= MaxRequestBytes)
        {
            var read = await caller.ReceiveAsync(buffer.GetMemory(1024), limit.Token).ConfigureAwait(false);
            buffer.Advance(read);
            var end = buffer.WrittenSpan.IndexOf((byte)'\n');
            if (end >= 0)
                return buffer.WrittenMemory[..end];
            if (read == 0)
                return buffer.WrittenMemory;
        }

        return null;
    }

    private CancellationTokenSource Limit(TimeSpan time)
    {
        var limit = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token);
        limit.CancelAfter(time);
        return limit;
    }

    private void OnFailure(CommandDefinition command, Exception e) =>
        _log.Error(e, "command {Palette:l} {Command:l} failed", command.Palette, command.Name);
}
