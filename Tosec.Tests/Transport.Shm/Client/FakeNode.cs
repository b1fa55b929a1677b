using System.Diagnostics;
using System.Runtime.CompilerServices;
using Tosec.Transport.Shm.Client;

namespace Tosec.Tests.Transport.Shm.Client;

/// <summary>The C tests' stand-in for agent and TOE, built on demand and started once: a process has one agent.</summary>
public sealed class FakeNode : IDisposable
{
    private readonly Process? _process;
    private readonly string _directory = Directory.CreateTempSubdirectory("tosec-fake-").FullName;

    public FakeNode()
    {
        var native = Path.GetFullPath(Path.Combine(SourceDirectory(), "../../../Tosec.Transport.Shm/native"));
        if (!Directory.Exists(native) || Run("make", "-s", "-C", native, $"OUT={_directory}", $"{_directory}/fake_node") != 0)
            return;
        _process = Process.Start(Path.Combine(_directory, "fake_node"), Path.Combine(_directory, "agent"));
        for (var i = 0; i < 100 && !File.Exists(Path.Combine(_directory, "agent")); i++)
            Thread.Sleep(20);
        TosecSocket.UseAgent(Path.Combine(_directory, "agent"));
    }

    public bool Runs => _process is { HasExited: false };

    public void Dispose()
    {
        _process?.Kill();
        _process?.WaitForExit();
        _process?.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private static int Run(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(program, arguments);
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1; // no such program here
        }
    }

    private static string SourceDirectory([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
