using System.Diagnostics;
using System.Runtime.CompilerServices;
using Tosec.Tests.Peer;

namespace Tosec.Tests.VirtualMachines;

/// <summary>The image that all VMs boot, and a disk with these tests and a .NET runtime for those that run them. Made once for the collection.</summary>
public sealed class VmFixture : IAsyncLifetime
{
    private readonly TemporaryDirectory _directory = new();

    /// <summary>Why there can be no VMs here; null: there can.</summary>
    public string? Missing { get; private set; }

    public string Image { get; } = Path.Combine(Root(), "out/vm-image");

    public string TestDisk => _directory["tests.ext4"];

    public async Task InitializeAsync()
    {
        if (!File.Exists("/usr/bin/qemu-system-x86_64"))
        {
            Missing = "QEMU is not installed (scripts/packages/vm)";
            return;
        }

        await RunAsync(Path.Combine(Root(), "scripts/vm-image"));
        var runtime = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        var dotnet = Path.GetFullPath(Path.Combine(runtime, "../../.."));
        await CopyAsync(Path.Combine(dotnet, "dotnet"), "dotnet");
        await CopyAsync(Path.Combine(dotnet, "host"), "dotnet");
        await CopyAsync(runtime, Path.Combine("dotnet", Path.GetRelativePath(dotnet, Path.GetDirectoryName(runtime)!)));
        await CopyAsync(AppContext.BaseDirectory.TrimEnd('/'), "tests");
        await RunAsync("/usr/sbin/mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-d", _directory["disk"], "-F", TestDisk, "400M");
    }

    public Task DisposeAsync()
    {
        _directory.Dispose();
        return Task.CompletedTask;
    }

    private async Task CopyAsync(string from, string into)
    {
        Directory.CreateDirectory(_directory[Path.Combine("disk", into)]);
        await RunAsync("cp", "-a", from, _directory[Path.Combine("disk", into)]);
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var errors = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} ended with {process.ExitCode}: {await output}{await errors}");
    }

    internal static string Root([CallerFilePath] string path = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(path)!, "../.."));
}
