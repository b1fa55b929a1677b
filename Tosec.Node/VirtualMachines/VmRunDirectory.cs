using Tosec.Node.Hosting;

namespace Tosec.Node.VirtualMachines;

/// <summary>Where a VM's sockets, console log and overlay lie: <c>RUN-DIRECTORY/vm/NAME</c>, open to the host node's user alone.</summary>
internal sealed class VmRunDirectory(string runDirectory, string name)
{
    public string Path { get; } = System.IO.Path.Combine(runDirectory, "vm", name);

    /// <summary>QEMU's control socket (QMP).</summary>
    public string Control => System.IO.Path.Combine(Path, "qmp.sock");

    /// <summary>Socket that the host node listens on, for what the VM's serial port says.</summary>
    public string Console => System.IO.Path.Combine(Path, "serial.sock");

    /// <summary>What the serial port has said.</summary>
    public string ConsoleLog => System.IO.Path.Combine(Path, "serial.log");

    /// <summary>QEMU's process id, written and locked by QEMU.</summary>
    public string ProcessFile => System.IO.Path.Combine(Path, "pid");

    /// <summary>The image's first file system and the overlay behind it.</summary>
    public string FirstFileSystem => System.IO.Path.Combine(Path, "initrd");

    /// <summary>The overlay before it is packed.</summary>
    public string Overlay => System.IO.Path.Combine(Path, "overlay");

    public static string LongestSocketPath(string runDirectory, string name) => new VmRunDirectory(runDirectory, name).Console;

    /// <summary>Makes it, or empties it of what an earlier run of the VM has left; its console log stays until the next has something to say.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    public void Prepare()
    {
        const UnixFileMode Private = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(Path)!, Private);
        Directory.CreateDirectory(Path, Private);
        foreach (var file in new[] { Control, Console, ProcessFile, FirstFileSystem })
            File.Delete(file);
        if (Directory.Exists(Overlay))
            Directory.Delete(Overlay, recursive: true);
    }

    /// <summary>Removes what only a running VM needs: its sockets, and the overlay, which may hold keys.</summary>
    public void CleanUp()
    {
        foreach (var file in new[] { Control, Console, ProcessFile, FirstFileSystem })
            File.Delete(file);
    }

    /// <summary>The process of a VM that runs and that nobody here started; null: there is none.</summary>
    public string? ForeignProcess()
    {
        if (!UnixSockets.IsAnswering(Control))
            return null;
        try
        {
            return File.ReadAllText(ProcessFile).Trim();
        }
        catch (IOException)
        {
            return "unknown";
        }
    }
}
