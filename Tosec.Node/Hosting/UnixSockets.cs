using System.Net.Sockets;
using Tosec.Node.Interop;

namespace Tosec.Node.Hosting;

/// <summary>UNIX stream sockets at paths.</summary>
public static class UnixSockets
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Listens at the path, mode 0600. A socket file that nobody listens on is replaced; anything else there is left alone. Two nodes
    /// that start at once cannot both win: the file is locked while it is replaced.
    /// </summary>
    /// <param name="path">Where; at most 107 bytes.</param>
    /// <param name="backlog">Callers the kernel lets wait.</param>
    /// <param name="key">The setting that named the path, for messages.</param>
    /// <exception cref="NodeStartException">Somebody listens there, something else is there, or the path cannot be used.</exception>
    public static Socket Listen(string path, int backlog, string key)
    {
        try
        {
            using var replacing = new FileStream(
                path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
            RemoveStale(path, key);
            var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                // Bound under another name, made private, then given its name: it is never open to others, not even for a moment.
                var hidden = $"{path}.{Environment.ProcessId:x}";
                File.Delete(hidden);
                listener.Bind(new UnixDomainSocketEndPoint(hidden));
                File.SetUnixFileMode(hidden, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                listener.Listen(backlog);
                File.Move(hidden, path);
                return listener;
            }
            catch
            {
                listener.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is SocketException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new NodeStartException($"cannot listen on {path} ({key}): {e.Message}", e);
        }
    }

    /// <summary>Whether somebody accepts connections of this type at the path.</summary>
    public static bool IsAnswering(string path, SocketType type = SocketType.Stream)
    {
        using var socket = new Socket(AddressFamily.Unix, type, ProtocolType.Unspecified);
        try
        {
            // A full queue would block; whoever has one is alive.
            using var limit = new CancellationTokenSource(_patience);
            socket.ConnectAsync(new UnixDomainSocketEndPoint(path), limit.Token).AsTask().GetAwaiter().GetResult();
            return true;
        }
        catch (OperationCanceledException)
        {
            return true;
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            return false;
        }
    }

    private static void RemoveStale(string path, string key)
    {
        if (!Path.Exists(path))
            return;
        if (!FileKind.IsSocket(path))
            throw new NodeStartException($"{path} ({key}) is there and is no socket; remove it or name another path");
        if (IsAnswering(path))
            throw new NodeStartException($"another node listens on {path} ({key})");
        File.Delete(path);
    }
}
