using Tosec.Node.Configuration;
using Tosec.Tests.Peer;
using Tosec.Tests.VirtualMachines;

namespace Tosec.Tests.Node.Configuration;

/// <summary>The sites in <c>hocon</c> are right.</summary>
public sealed class ShippedSitesTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Theory]
    [InlineData("")]
    [InlineData("vm")]
    public void Every_nodes_file_is_read(string folder)
    {
        var image = TestImage.Make(_directory);
        var files = Directory.GetFiles(Path.Combine(Hocon(), folder));
        foreach (var file in files)
            File.Copy(file, _directory[Path.GetFileName(file)]);
        if (folder == "vm")
            File.AppendAllText(_directory["vms.conf"], $"tosec.host.vm-defaults.image = \"{image}\"\n");

        var nodes = files.Select(Path.GetFileName).Where(f => f!.EndsWith(".conf", StringComparison.Ordinal) && f is not ("site.conf" or "vms.conf")).ToArray();

        Assert.NotEmpty(nodes);
        foreach (var node in nodes)
            NodeSettingsLoader.Load(_directory[node!]);
        if (folder == "vm")
        {
            var vms = NodeSettingsLoader.Load(_directory["host.conf"]).Hypervisor.Vms;
            Assert.Equal(["alice", "bob", "counter-1", "tovm", "waf-1"], vms.Keys.Order(StringComparer.Ordinal));
            Assert.All(vms.Values.Where(vm => vm.Role == NodeRole.Guest), vm => Assert.Empty(vm.Nics));
            Assert.False(NodeSettingsLoader.Load(_directory["host-with-toe.conf"]).Hypervisor.Vms.ContainsKey("tovm"));
        }
    }

    private static string Hocon()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory.FullName, "Tosec.sln")))
            directory = directory.Parent!;
        return Path.Combine(directory.FullName, "hocon");
    }
}
