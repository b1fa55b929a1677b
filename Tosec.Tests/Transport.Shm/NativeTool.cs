using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace Tosec.Tests.Transport.Shm;

/// <summary>A program of <c>native/tests</c>, built for one test class and removed afterwards.</summary>
internal sealed class NativeTool : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("tosec-native-").FullName;
    private readonly string _program;

    public NativeTool(string name)
    {
        _program = Path.Combine(_directory, name);
        var native = Path.GetFullPath(Path.Combine(SourceDirectory(), "../../Tosec.Transport.Shm/native"));
        Execute("make", "-s", "-C", native, $"OUT={_directory}", _program);
    }

    /// <summary>Runs it to its end.</summary>
    /// <returns>What it wrote.</returns>
    public string Run(params string[] arguments) => Execute(_program, arguments);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static string Execute(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}: {output}");
        return output;
    }

    private static string SourceDirectory([CallerFilePath] string path = "") => Path.GetDirectoryName(path)!;
}
