using System.Buffers;
using System.Net.Sockets;
using System.Text.Json;

namespace Tosec.Node.VirtualMachines;

/// <summary>
/// A conversation with QEMU over its control socket, by the QEMU Machine Protocol (QEMU docs/interop/qmp-spec): one command after
/// another; events in between are passed over. For one caller at a time.
/// </summary>
/// <remarks>
/// What answers is only half trusted: a guest may have broken out into it. So an answer has a longest length and a longest time, and
/// nothing in it is more than shown.
/// </remarks>
internal sealed class QmpClient : IDisposable
{
    /// <summary>Longest line that is read.</summary>
    public const int MaxLineBytes = 1 << 20;

    /// <summary>Most lines that are passed over while an answer is awaited.</summary>
    public const int MaxPassedOver = 1000;

    private readonly Socket _socket;
    private readonly TimeSpan _patience;
    private readonly ArrayBufferWriter<byte> _received = new(4096);
    private int _used;
    private int _lastId;

    private QmpClient(Socket socket, TimeSpan patience)
    {
        _socket = socket;
        _patience = patience;
    }

    /// <summary>Connects and agrees on capabilities. QEMU answers when all its devices are there.</summary>
    /// <param name="path">QEMU's control socket.</param>
    /// <param name="patience">Longest time for each answer.</param>
    /// <exception cref="SocketException">Nobody listens there.</exception>
    /// <exception cref="QmpException">What answers does not speak the protocol, or not in time.</exception>
    public static async Task<QmpClient> ConnectAsync(string path, TimeSpan patience)
    {
        var client = new QmpClient(new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified), patience);
        try
        {
            await client.IntroduceAsync(path).ConfigureAwait(false);
            return client;
        }
        catch
        {
            client.Dispose();
            throw;
        }
    }

    /// <summary>Runs a command and waits for its answer.</summary>
    /// <param name="command">QEMU's name of it.</param>
    /// <param name="arguments">Serialized as they are; null: none.</param>
    /// <exception cref="QmpException">QEMU refuses, does not answer in time, or is gone. The conversation is over then, unless QEMU refused.</exception>
    public async Task<JsonElement> ExecuteAsync(string command, object? arguments = null)
    {
        using var limit = new CancellationTokenSource(_patience);
        var id = ++_lastId;
        try
        {
            var request = arguments is null
                ? JsonSerializer.SerializeToUtf8Bytes(new { execute = command, id })
                : JsonSerializer.SerializeToUtf8Bytes(new { execute = command, arguments, id });
            for (var sent = 0; sent < request.Length;)
                sent += await _socket.SendAsync(request.AsMemory(sent), limit.Token).ConfigureAwait(false);
            for (var passed = 0; passed <= MaxPassedOver; passed++)
            {
                var line = await ReadAsync(limit.Token).ConfigureAwait(false);
                if (line.TryGetProperty("event", out _) || !IsAnswerTo(line, id))
                    continue;
                if (line.TryGetProperty("return", out var answer))
                    return answer;
                throw new QmpException($"QEMU refuses {command}: {Description(line)}", isRefusal: true);
            }

            throw new QmpException($"QEMU does not answer {command}");
        }
        catch (OperationCanceledException)
        {
            throw new QmpException($"QEMU does not answer {command} within {_patience.TotalSeconds} s");
        }
        catch (SocketException failure)
        {
            throw new QmpException($"QEMU does not answer {command}: {failure.Message}");
        }
    }

    public void Dispose() => _socket.Dispose();

    private async Task IntroduceAsync(string path)
    {
        using var limit = new CancellationTokenSource(_patience);
        try
        {
            await _socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token).ConfigureAwait(false);
            var greeting = await ReadAsync(limit.Token).ConfigureAwait(false);
            if (!greeting.TryGetProperty("QMP", out _))
                throw new QmpException($"what answers at {path} is not QEMU");
        }
        catch (OperationCanceledException)
        {
            throw new QmpException($"QEMU says nothing at {path} within {_patience.TotalSeconds} s");
        }

        await ExecuteAsync("qmp_capabilities").ConfigureAwait(false);
    }

    private async Task<JsonElement> ReadAsync(CancellationToken cancellation)
    {
        while (true)
        {
            var end = _received.WrittenSpan[_used..].IndexOf((byte)'\n');
            if (end >= 0)
            {
                var line = _received.WrittenMemory.Slice(_used, end);
                _used += end + 1;
                return Parse(line);
            }

            if (_received.WrittenCount - _used > MaxLineBytes)
                throw new QmpException($"QEMU sends a line of more than {MaxLineBytes} bytes");
            Compact();
            var room = _received.GetMemory(4096);
            var count = await _socket.ReceiveAsync(room, cancellation).ConfigureAwait(false);
            if (count == 0)
                throw new QmpException("QEMU has closed its control socket");
            _received.Advance(count);
        }
    }

    private void Compact()
    {
        if (_used == 0)
            return;
        var rest = _received.WrittenSpan[_used..].ToArray();
        _received.ResetWrittenCount();
        _received.Write(rest);
        _used = 0;
    }

    private static JsonElement Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 32 });
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone() : throw new QmpException("QEMU sends something that is no object");
        }
        catch (JsonException failure)
        {
            throw new QmpException($"QEMU sends something that is no JSON: {failure.Message}");
        }
    }

    private static bool IsAnswerTo(JsonElement line, int id) =>
        line.TryGetProperty("id", out var answered) && answered.ValueKind == JsonValueKind.Number && answered.TryGetInt32(out var number) && number == id;

    private static string Description(JsonElement line) =>
        line.TryGetProperty("error", out var error) && error.ValueKind == JsonValueKind.Object
        && error.TryGetProperty("desc", out var description) && description.ValueKind == JsonValueKind.String
            ? LineText.Tail(description.GetString()!) : "(it does not say why)";
}

/// <summary>QEMU did not do what it was asked to. The message says what and why.</summary>
/// <param name="message">For the operator.</param>
/// <param name="isRefusal">QEMU answered, and said no.</param>
internal sealed class QmpException(string message, bool isRefusal = false) : Exception(message)
{
    public bool IsRefusal { get; } = isRefusal;
}
