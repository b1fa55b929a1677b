using System.Diagnostics;
using System.Text;
using Tosec.Node.Configuration;

namespace Tosec.Node.VirtualMachines;

/// <summary>
/// Puts what is one VM's own behind the image's first file system, as a cpio archive that the kernel unpacks over it (Linux
/// Documentation/driver-api/early-userspace/buffer-format): all VMs have the same image, and each its own <c>/etc/tosec</c>.
/// </summary>
internal static class VmOverlay
{
    /// <summary>Name of the node's file in the VM.</summary>
    public const string NodeFile = "node.conf";

    /// <summary>Lines of card, address and perhaps gateway: <c>MAC ADDRESS/PREFIX [GATEWAY]</c>.</summary>
    public const string NetworkFile = "network";

    /// <summary>Run once the node is ready.</summary>
    public const string StartFile = "start.sh";

    private const string Directory = "etc/tosec";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(20);

    /// <summary>The files, as source and name below <c>/etc/tosec</c>, without what is made for the VM.</summary>
    public static IEnumerable<(string Path, string Name)> Files(VmSettings vm) =>
    [
        .. vm.Node.Files.Select(file => (file.Path, file.Path == vm.Node.Path ? NodeFile : file.Name)),
        .. vm.Files.Select(file => (file, Path.GetFileName(file))),
        .. vm.Start is null ? [] : new[] { (vm.Start, StartFile) },
    ];

    /// <summary>The cards' addresses as the image reads them.</summary>
    public static string Network(VmSettings vm)
    {
        var text = new StringBuilder();
        foreach (var nic in vm.Nics)
        {
            var gateway = nic.Gateway;
            foreach (var address in nic.Addresses)
            {
                text.Append(nic.Mac).Append(' ').Append(address);
                if (gateway is not null && address.Address.AddressFamily == gateway.AddressFamily)
                {
                    text.Append(' ').Append(gateway);
                    gateway = null;
                }

                text.Append('\n');
            }
        }

        return text.ToString();
    }

    /// <summary>Writes <see cref="VmRunDirectory.FirstFileSystem"/>.</summary>
    /// <exception cref="IOException">A file cannot be read or written, or there is no cpio.</exception>
    public static async Task WriteAsync(VmSettings vm, VmRunDirectory directory)
    {
        var root = directory.Overlay;
        System.IO.Directory.CreateDirectory(Path.Combine(root, Directory));
        foreach (var (path, name) in Files(vm))
        {
            var copy = Path.Combine(root, Directory, name);
            System.IO.Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(path, copy, overwrite: true);
            File.SetUnixFileMode(copy, name == StartFile ? OwnerOnly | UnixFileMode.UserExecute : OwnerOnly);
        }

        if (vm.Nics.Count > 0)
            File.WriteAllText(Path.Combine(root, Directory, NetworkFile), Network(vm));

        await using (var output = new FileStream(directory.FirstFileSystem, new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            UnixCreateMode = OwnerOnly,
        }))
        {
            await using (var image = File.OpenRead(Path.Combine(vm.Image, VmImage.FirstFileSystem)))
                await image.CopyToAsync(output).ConfigureAwait(false);

            // An archive begins at a multiple of four, whatever kind of archive is before it.
            while (output.Length % 4 != 0)
                output.WriteByte(0);
            await PackAsync(root, output).ConfigureAwait(false);
        }

        System.IO.Directory.Delete(root, recursive: true);
    }

    private static async Task PackAsync(string root, Stream output)
    {
        using var limit = new CancellationTokenSource(_patience);
        using var cpio = Start(root);
        var errors = cpio.StandardError.ReadToEndAsync(limit.Token);
        var names = System.IO.Directory.EnumerateFileSystemEntries(root, "*", SearchOption.AllDirectories)
            .Select(entry => Path.GetRelativePath(root, entry)).Order(StringComparer.Ordinal).ToArray();
        try
        {
            // Short of a pipe's length: it is all written before anything is read.
            await cpio.StandardInput.WriteAsync(string.Join('\0', names).AsMemory(), limit.Token).ConfigureAwait(false);
            cpio.StandardInput.Close();
            await cpio.StandardOutput.BaseStream.CopyToAsync(output, limit.Token).ConfigureAwait(false);
            await cpio.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            if (cpio.ExitCode != 0)
                throw new IOException($"cpio ended with {cpio.ExitCode}: {LineText.Tail(await errors.ConfigureAwait(false))}");
        }
        catch (OperationCanceledException)
        {
            cpio.Kill();
            throw new IOException($"cpio did not end within {_patience.TotalSeconds} s");
        }
    }

    private static Process Start(string root)
    {
        try
        {
            return Process.Start(new ProcessStartInfo("cpio", ["--quiet", "--create", "--null", "--format=newc", "--owner=0:0"])
            {
                WorkingDirectory = root,
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        }
        catch (System.ComponentModel.Win32Exception failure)
        {
            throw new IOException($"cpio does not start (Debian package cpio): {failure.Message}", failure);
        }
    }
}
