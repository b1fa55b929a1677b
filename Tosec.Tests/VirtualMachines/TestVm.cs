using System.Diagnostics;
using Tosec.Tests.Peer;

namespace Tosec.Tests.VirtualMachines;

/// <summary>A VM under QEMU's emulation, with files of its own in <c>/etc/tosec</c>, and what its console says.</summary>
internal sealed class TestVm : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(5);

    private readonly TemporaryDirectory _directory = new();
    private readonly Process _process;
    private readonly List<string> _lines = [];
    private readonly Task _reading;

    /// <param name="fixture">Image and disk.</param>
    /// <param name="files">What lies in <c>/etc/tosec</c>; <c>start.sh</c> is run.</param>
    /// <param name="devices">QEMU's arguments for the devices.</param>
    public TestVm(VmFixture fixture, IReadOnlyDictionary<string, string> files, IEnumerable<string> devices)
    {
        var overlay = Directory.CreateDirectory(_directory["overlay/etc/tosec"]).FullName;
        foreach (var (name, text) in files)
        {
            File.WriteAllText(Path.Combine(overlay, name), text);
            File.SetUnixFileMode(Path.Combine(overlay, name), UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        Run("sh", "-c", $"{{ cat {fixture.Image}/initrd.cpio; cd {_directory["overlay"]}; find . -mindepth 1 | sort | cpio --quiet -o -H newc --owner=0:0; }} >{_directory["initrd"]}");
        var kernel = Path.Combine(fixture.Image, "vmlinux");
        _process = Process.Start(new ProcessStartInfo("qemu-system-x86_64",
        [
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio", "-m", "512", "-machine", "q35",
            // One possible processor alone, and QEMU emulates atomic instructions by plain ones.
            "-accel", "tcg,thread=multi", "-smp", "1,maxcpus=2", "-cpu", "max", "-device", "intel-iommu,intremap=on",
            "-kernel", File.Exists(kernel) ? kernel : Path.Combine(fixture.Image, "vmlinuz"), "-initrd", _directory["initrd"],
            "-append", "console=ttyS0 panic=-1 quiet intel_iommu=on no_timer_check",
            .. Disk("root", Path.Combine(fixture.Image, "root.ext4")), .. Disk("tests", fixture.TestDisk), .. devices,
        ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        _reading = Task.WhenAll(ReadAsync(_process.StandardOutput), ReadAsync(_process.StandardError));
    }

    /// <summary>Shell lines that mount the disk of tests, and the program on it.</summary>
    public static string Tests(string arguments) => $"""
        #!/bin/sh
        mkdir -p /run/tests && mount -t ext4 -o ro,noload /dev/vdb /run/tests || exit 99
        exec /run/tests/dotnet/dotnet exec /run/tests/tests/net10.0/Tosec.Tests.dll {arguments}
        """;

    /// <summary>A node that serves nobody, for VMs whose own script is all that matters.</summary>
    public static string IdleNode { get; } = "tosec { node { name = idle\nrole = tovm }\ntovm.guests = [] }\n";

    public static string[] Doorbell(string id, string socket, int vectors) =>
        ["-chardev", $"socket,id={id},path={socket}", "-device", $"ivshmem-doorbell,chardev={id},vectors={vectors}"];

    /// <summary>Memory that QEMU maps for reading only.</summary>
    public static string[] ReadOnly(string id, string path, long bytes) =>
        ["-object", $"memory-backend-file,id={id},mem-path={path},size={bytes},share=on,readonly=on", "-device", $"ivshmem-plain,memdev={id}"];

    /// <summary>Waits for a line of the console with the text; the line.</summary>
    public async Task<string> SaysAsync(string text)
    {
        var limit = Environment.TickCount64 + (long)_patience.TotalMilliseconds;
        while (true)
        {
            var ended = _reading.IsCompleted;
            lock (_lines)
            {
                if (_lines.FirstOrDefault(line => line.Contains(text, StringComparison.Ordinal)) is { } found)
                    return found;
                if (ended || Environment.TickCount64 > limit)
                    throw new TimeoutException($"the VM does not say '{text}':\n{string.Join('\n', _lines)}");
            }

            await Task.Delay(50);
        }
    }

    public string[] Lines
    {
        get
        {
            lock (_lines)
                return [.. _lines];
        }
    }

    /// <summary>SIGKILL, and the end of it.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
        _directory.Dispose();
    }

    private static string[] Disk(string id, string file) =>
        ["-drive", $"file={file},format=raw,if=none,id={id},readonly=on,file.locking=off", "-device", $"virtio-blk-pci,drive={id}"];

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_lines)
                _lines.Add(line.TrimEnd('\r'));
        }
    }
}
