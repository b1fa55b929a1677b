using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Tosec.Tests.Peer;

/// <summary>A <c>tosec</c> process: the shipped program, or the same with the test's roles (see <see cref="PeerProgram"/>).</summary>
internal sealed partial class TosecProcess : IDisposable
{
    /// <summary>Guards against hangs only.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private readonly Process _process;
    private readonly Task<string> _output;
    private readonly Task<string> _errors;
    private readonly List<string> _errorLines = [];

    private TosecProcess(string assembly, IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo("dotnet")
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        start.ArgumentList.Add(Path.Combine(AppContext.BaseDirectory, assembly));
        foreach (var argument in arguments)
            start.ArgumentList.Add(argument);
        foreach (var name in new[] { "TOSEC_AGENT", "TOSEC_PRELOAD", "TOSEC_RUN_DIRECTORY" })
            start.Environment.Remove(name);
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        _process.StandardInput.Close();
        _output = _process.StandardOutput.ReadToEndAsync();
        _errors = Task.Run(ReadErrorsAsync);
    }

    public int Id => _process.Id;

    /// <summary>The shipped program.</summary>
    public static TosecProcess Start(IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null) =>
        new("tosec.dll", arguments, environment);

    /// <summary>The program with <see cref="TestRole"/> in all roles.</summary>
    public static TosecProcess StartPeer(params IEnumerable<string> arguments) => new("Tosec.Tests.dll", arguments, null);

    /// <summary>Another program of the solution, from the folder that it is built into.</summary>
    public static TosecProcess StartProgram(string project, params IEnumerable<string> arguments)
    {
        var built = new DirectoryInfo(AppContext.BaseDirectory);
        return new(Path.Combine(built.Parent!.Parent!.Parent!.Parent!.FullName, project, "bin", built.Parent.Name, built.Name, project + ".dll"), arguments, null);
    }

    /// <summary>Runs the shipped program to its end.</summary>
    public static async Task<(int Code, string Output, string Errors)> RunAsync(
        IEnumerable<string> arguments, IReadOnlyDictionary<string, string>? environment = null)
    {
        using var process = Start(arguments, environment);
        return await process.EndAsync();
    }

    /// <summary>Waits for the end by itself.</summary>
    public async Task<(int Code, string Output, string Errors)> EndAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(Patience);
        return (_process.ExitCode, await _output, await _errors);
    }

    /// <summary>Waits until a line of stderr has the text.</summary>
    public async Task SaysAsync(string text)
    {
        using var limit = new CancellationTokenSource(Patience);
        while (true)
        {
            lock (_errorLines)
            {
                if (_errorLines.Any(line => line.Contains(text, StringComparison.Ordinal)))
                    return;
                if (_process.HasExited && _errors.IsCompleted)
                    throw new InvalidOperationException($"ended without saying '{text}':\n{string.Join('\n', _errorLines)}");
            }

            await Task.Delay(10, limit.Token);
        }
    }

    public void Signal(PosixSignal signal) => Assert.Equal(0, kill(Id, signal == PosixSignal.SIGTERM ? 15 : 2));

    /// <summary>SIGKILL, and the end of it.</summary>
    public void Kill()
    {
        _process.Kill(entireProcessTree: true);
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    [LibraryImport("libc")]
    private static partial int kill(int pid, int signal);

    private async Task<string> ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            lock (_errorLines)
                _errorLines.Add(line);
        }

        lock (_errorLines)
            return string.Join('\n', _errorLines);
    }
}
