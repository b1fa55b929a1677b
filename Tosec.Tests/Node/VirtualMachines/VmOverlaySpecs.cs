using System.Diagnostics;
using System.Net;
using Tosec.Node.Configuration;
using Tosec.Node.VirtualMachines;
using Tosec.Tests.Peer;
using Tosec.Tests.VirtualMachines;

namespace Tosec.Tests.Node.VirtualMachines;

public sealed class VmOverlaySpecs : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [SkippableFact]
    public async Task What_is_a_VMs_own_is_an_archive_behind_the_images_first_file_system()
    {
        Skip.IfNot(File.Exists("/usr/bin/cpio"), "cpio is not installed: scripts/packages/vm");
        var image = TestImage.Make(_directory);
        File.WriteAllBytes(Path.Combine(image, VmImage.FirstFileSystem), new byte[513]);
        Directory.CreateDirectory(_directory["sub"]);
        _directory.Write("sub/more.conf", "# more\n");
        _directory.Write("site.conf", "include \"sub/more.conf\"\n");
        var node = _directory.Write("tovm.conf", "include \"site.conf\"\ntosec.node.name = tovm\ntosec.node.role = tovm\ntosec.attachment = pci\n");
        var vm = TestPlans.Vm("tovm", NodeRole.Tovm, Nic("52:54:00:00:00:01", "10.0.0.1", "10.0.0.2/24", "10.0.0.3/24", "fd00::2/64")) with
        {
            Image = image,
            Node = VmNodeFile.Load(node, "tovm", NodeRole.Tovm),
            Files = [_directory.Write("ca.pem", "pem")],
            Start = _directory.Write("go", "#!/bin/sh\n"),
        };
        var run = new VmRunDirectory(_directory["run"], "tovm");
        run.Prepare();

        await VmOverlay.WriteAsync(vm, run);

        var bytes = File.ReadAllBytes(run.FirstFileSystem);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(run.FirstFileSystem));
        Assert.Equal(new byte[516], bytes[..516]);
        var unpacked = Unpack(bytes[516..]);
        Assert.Equal(
            ["ca.pem", "network", "node.conf", "site.conf", "start.sh", "sub/more.conf"],
            Directory.GetFiles(unpacked, "*", SearchOption.AllDirectories).Select(f => Path.GetRelativePath(unpacked, f)).Order(StringComparer.Ordinal));
        Assert.Equal(
            "52:54:00:00:00:01 10.0.0.2/24 10.0.0.1\n52:54:00:00:00:01 10.0.0.3/24\n52:54:00:00:00:01 fd00::2/64\n", File.ReadAllText(Path.Combine(unpacked, "network")));
        Assert.Equal(File.ReadAllText(node), File.ReadAllText(Path.Combine(unpacked, "node.conf")));
        Assert.True(File.GetUnixFileMode(Path.Combine(unpacked, "start.sh")).HasFlag(UnixFileMode.UserExecute));
        Assert.False(Directory.Exists(run.Overlay));
    }

    private string Unpack(byte[] archive)
    {
        File.WriteAllBytes(_directory["archive"], archive);
        Directory.CreateDirectory(_directory["unpacked"]);
        using var cpio = Process.Start(new ProcessStartInfo("cpio", ["--quiet", "--extract", "-F", _directory["archive"]]) { WorkingDirectory = _directory["unpacked"] })!;
        cpio.WaitForExit();
        Assert.Equal(0, cpio.ExitCode);
        return _directory["unpacked/etc/tosec"];
    }

    private static NicSettings Nic(string mac, string gateway, params string[] addresses) => new(
        "n", "tap", mac, [.. addresses.Select(a => new InterfaceAddress(IPAddress.Parse(a.Split('/')[0]), int.Parse(a.Split('/')[1], System.Globalization.CultureInfo.InvariantCulture)))],
        IPAddress.Parse(gateway));
}
