using System.Net.Sockets;
using System.Text;
using Serilog;
using Tosec.Node.Hosting;

namespace Tosec.Node.VirtualMachines;

/// <summary>
/// Takes down what a VM's serial port says. QEMU connects to it. A guest can say as much as it likes, so the log has a longest length,
/// with one predecessor, and lines count only up to a length.
/// </summary>
internal sealed class VmConsole : IAsyncDisposable
{
    /// <summary>What the image's first program says when the node is ready.</summary>
    public const string Ready = "tosec-vm: ready";

    /// <summary>Longest log file.</summary>
    public const long MaxFileBytes = 4 << 20;

    private const int MaxLineBytes = 1024;
    private readonly string _logFile;
    private readonly ILogger _log;
    private readonly Socket _listener;
    private readonly string _path;
    private readonly CancellationTokenSource _stopping = new();
    private readonly List<byte> _line = new(MaxLineBytes);
    private readonly Task _serving;
    private volatile bool _isReady;

    private VmConsole(string path, string logFile, ILogger log)
    {
        _path = path;
        _logFile = logFile;
        _log = log;
        _listener = UnixSockets.Listen(path, 1, "a VM's serial port");
        _serving = Task.Run(ServeAsync);
    }

    /// <summary>Whether the VM has said that its node is ready. The word of a guest is a guest's: for listings.</summary>
    public bool IsReady => _isReady;

    /// <summary>Listens for QEMU. What an earlier run has said becomes the predecessor.</summary>
    /// <exception cref="NodeStartException">The socket cannot be made.</exception>
    public static VmConsole Start(string path, string logFile, ILogger log) => new(path, logFile, log);

    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync().ConfigureAwait(false);
        _listener.Dispose();
        await _serving.ConfigureAwait(false);
        File.Delete(_path);
        _stopping.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            using var vm = await _listener.AcceptAsync(_stopping.Token).ConfigureAwait(false);
            FileStream? file = null;
            var buffer = new byte[4096];
            try
            {
                int count;
                while ((count = await vm.ReceiveAsync(buffer, _stopping.Token).ConfigureAwait(false)) > 0)
                {
                    if (file is null || file.Length > MaxFileBytes)
                    {
                        file?.Dispose();
                        file = Next();
                    }

                    file.Write(buffer, 0, count);
                    file.Flush();
                    Read(buffer.AsSpan(0, count));
                }
            }
            finally
            {
                file?.Dispose();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // The VM has ended, or is no longer listened to.
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            _log.Warning("{File:l} cannot be written, and the VM's serial port is not taken down: {Message:l}", _logFile, e.Message);
        }
    }

    private FileStream Next()
    {
        if (File.Exists(_logFile))
            File.Move(_logFile, _logFile + ".1", overwrite: true);
        return new FileStream(_logFile, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            Share = FileShare.ReadWrite | FileShare.Delete,
            UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
        });
    }

    private void Read(ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes)
        {
            if (b != '\n')
            {
                if (_line.Count < MaxLineBytes)
                    _line.Add(b);
                continue;
            }

            if (!_isReady && Encoding.ASCII.GetString([.. _line]).Contains(Ready, StringComparison.Ordinal))
                _isReady = true;
            _line.Clear();
        }
    }
}
