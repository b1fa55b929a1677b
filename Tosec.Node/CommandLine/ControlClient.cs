using System.Net.Sockets;
using System.Text.Json;
using Tosec.Actors.Commands;

namespace Tosec.Node.CommandLine;

/// <summary>Calls commands of a running node over its control socket.</summary>
public static class ControlClient
{
    private const int MaxAnswerBytes = 64 << 20;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    /// <summary>One command, one answer.</summary>
    /// <exception cref="CommandLineException">Nobody listens there, or what answers is no node (69).</exception>
    public static async Task<CommandResult> CallAsync(
        string socketPath, IReadOnlyList<string> words, CancellationToken cancellation = default, TimeSpan? patience = null)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(patience ?? _patience);
        try
        {
            using var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            await socket.ConnectAsync(new UnixDomainSocketEndPoint(socketPath), limit.Token).ConfigureAwait(false);
            await using var stream = new NetworkStream(socket);
            byte[] request = [.. JsonSerializer.SerializeToUtf8Bytes(new { words }), (byte)'\n'];
            await stream.WriteAsync(request, limit.Token).ConfigureAwait(false);
            using var answer = new MemoryStream();
            await CopyAsync(stream, answer, limit.Token).ConfigureAwait(false);
            using var document = JsonDocument.Parse(answer.GetBuffer().AsMemory(0, (int)answer.Length));
            return CommandJson.Read(document.RootElement);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new CommandLineException(ExitCode.Unavailable, $"the node at {socketPath} does not answer");
        }
        catch (Exception e) when (e is SocketException or IOException or ArgumentException)
        {
            throw new CommandLineException(ExitCode.Unavailable, $"no node answers at {socketPath}: {e.Message}");
        }
        catch (JsonException e)
        {
            throw new CommandLineException(ExitCode.Unavailable, $"what answers at {socketPath} is no node: {e.Message}");
        }
    }

    private static async Task CopyAsync(Stream from, MemoryStream to, CancellationToken cancellation)
    {
        var buffer = new byte[16384];
        for (int read; (read = await from.ReadAsync(buffer, cancellation).ConfigureAwait(false)) > 0;)
        {
            if (to.Length + read > MaxAnswerBytes)
                throw new IOException($"the answer has more than {MaxAnswerBytes} bytes");
            to.Write(buffer, 0, read);
        }
    }
}
