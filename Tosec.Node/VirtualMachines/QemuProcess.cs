using System.ComponentModel;
using System.Diagnostics;

namespace Tosec.Node.VirtualMachines;

/// <summary>A QEMU process. It is in a session of its own, so that what ends the host node's terminal or process does not end it.</summary>
internal sealed class QemuProcess : IDisposable
{
    private const int KeptErrorLines = 20;

    private readonly Process _process;
    private readonly Queue<string> _errors = new();
    private readonly Task _reading;

    private QemuProcess(Process process)
    {
        _process = process;
        Id = process.Id;
        process.StandardInput.Close();
        _reading = Task.WhenAll(ReadAsync(process.StandardError), ReadAsync(process.StandardOutput));
        Ended = EndAsync();
    }

    public int Id { get; }

    /// <summary>Completes with the exit code; never fails. More than 128: ended by a signal.</summary>
    public Task<int> Ended { get; }

    /// <summary>The last that QEMU itself has said, on one line.</summary>
    public string Message
    {
        get
        {
            lock (_errors)
                return LineText.Tail(string.Join('\n', _errors));
        }
    }

    /// <exception cref="IOException">The program is not there.</exception>
    public static QemuProcess Start(string program, IReadOnlyList<string> arguments)
    {
        // The child leads no group, so setsid becomes the program, and its process id is QEMU's.
        var start = new ProcessStartInfo("setsid", [program, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = "/",
        };
        try
        {
            return new QemuProcess(Process.Start(start)!);
        }
        catch (Win32Exception failure)
        {
            throw new IOException($"setsid does not start (Debian package util-linux): {failure.Message}", failure);
        }
    }

    /// <summary>SIGKILL, unless it has ended.</summary>
    public void Kill()
    {
        try
        {
            _process.Kill();
        }
        catch (InvalidOperationException)
        {
            // It has ended.
        }
    }

    public void Dispose() => _process.Dispose();

    private async Task<int> EndAsync()
    {
        await _process.WaitForExitAsync().ConfigureAwait(false);
        await _reading.ConfigureAwait(false);
        return _process.ExitCode;
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync().ConfigureAwait(false) is { } line)
        {
            lock (_errors)
            {
                _errors.Enqueue(line);
                if (_errors.Count > KeptErrorLines)
                    _errors.Dequeue();
            }
        }
    }
}
