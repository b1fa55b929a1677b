using Tosec.Node.Configuration;
using Tosec.Tests.Peer;
using Tosec.Tests.VirtualMachines;

namespace Tosec.Tests.Node.Configuration;

public sealed class VmSettingsTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly string _image;

    public VmSettingsTests()
    {
        _image = TestImage.Make(_directory);
        foreach (var (name, role) in new[] { ("t", "tovm"), ("u", "tovm"), ("waf-1", "svm"), ("a", "guest") })
            Write(name, role);
    }

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void A_VM_needs_no_more_than_its_name()
    {
        var vms = Load("host.vms { t { }\n waf-1 { }\n a { } }").Hypervisor;

        Assert.Equal((NodeRole.Tovm, NodeRole.Svm, NodeRole.Guest), (vms.Vms["t"].Role, vms.Vms["waf-1"].Role, vms.Vms["a"].Role));
        Assert.Equal(("qemu-system-x86_64", AcceleratorChoice.Auto, TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(8)), (vms.Program, vms.Accelerator, vms.ProbeLimit, vms.StopLimit));
        var vm = vms.Vms["a"];
        Assert.Equal((512L << 20, 1, null, _image + "/vmlinuz"), (vm.MemoryBytes, vm.Processors, vm.Start, vm.Kernel));
        Assert.Equal([(_directory["a.conf"], "a.conf")], vm.Node.Files);
        Assert.Empty(vm.Files);
        Assert.Empty(vm.Nics);
    }

    [Fact]
    public void Everything_written_is_read()
    {
        _directory.Write("ca.pem", "");
        var vm = Load($$"""
            host.vms.t {
              memory = 1g
              processors = 2
              files = ["{{_directory["ca.pem"]}}"]
              start = "{{_directory["ca.pem"]}}"
              nics {
                management { tap = tm
                  addresses = ["10.1.0.2/24"] }
                outside { tap = to
                  mac = "02:00:00:00:00:Aa"
                  addresses = ["10.2.0.2/24", "fd00::2/64"]
                  gateway = "10.2.0.1" }
              }
            }
            """).Hypervisor.Vms["t"];

        Assert.Equal((1L << 30, 2, _directory["ca.pem"]), (vm.MemoryBytes, vm.Processors, vm.Start));
        Assert.Equal([_directory["ca.pem"]], vm.Files);
        Assert.Equal(["management", "outside"], vm.Nics.Select(n => n.Name));
        Assert.Equal(("tm", "tap:52:54:00"), (vm.Nics[0].Tap, "tap:" + vm.Nics[0].Mac[..8]));
        Assert.Equal(("to", "02:00:00:00:00:aa", "10.2.0.1"), (vm.Nics[1].Tap, vm.Nics[1].Mac, vm.Nics[1].Gateway!.ToString()));
        Assert.Equal(["10.2.0.2/24", "fd00::2/64"], vm.Nics[1].Addresses.Select(a => a.ToString()));
    }

    [Fact]
    public void A_VMs_script_is_found_by_its_name()
    {
        _directory.Write("a.sh", "");
        Assert.Equal(_directory["a.sh"], Load("host.vms.a { }").Hypervisor.Vms["a"].Start);
    }

    [Theory]
    [InlineData("host.vms.a.nics.n { tap = t\n addresses = [\"10.0.0.2/24\"] }", "tosec.host.vms.a.nics in host.conf is a section; allowed: nothing: a guest's only network is TOSEC")]
    [InlineData("host.vm-defaults.nics.n { tap = t\n addresses = [] }\nhost.vms.a { }", "tosec.host.vms.a.nics in host.conf is a section; allowed: nothing")]
    [InlineData("host.vms.a.memroy = 1g", "unknown key tosec.host.vms.a.memroy in host.conf; did you mean tosec.host.vms.a.memory?")]
    [InlineData("host.vms.a.memory = 64m", "tosec.host.vms.a.memory in host.conf is \"64m\"; allowed: bytes from 128m")]
    [InlineData("host.vms.a.processors = 0", "tosec.host.vms.a.processors in host.conf is \"0\"; allowed: a whole number from 1 to 64")]
    [InlineData("host.vms.a.image = \"/nowhere\"", "tosec.host.vms.a.image in host.conf is \"/nowhere\"; allowed: a directory with vmlinux, initrd.cpio and root.ext4")]
    [InlineData("host.vms.a.kernel = \"/nowhere\"", "tosec.host.vms.a.kernel in host.conf is \"/nowhere\"; allowed: an existing file")]
    [InlineData("host.vms.a.start = \"/nowhere\"", "tosec.host.vms.a.start in host.conf is \"/nowhere\"; allowed: an existing file")]
    [InlineData("host.vms.a.files = [\"/nowhere\"]", "tosec.host.vms.a.files in host.conf is a list with /nowhere; allowed: existing files")]
    [InlineData("host.vms.a.files = [\"DIR/site.conf\", \"DIR/image/../site.conf\"]", "tosec.host.vms.a.files in host.conf is a list with site.conf 2 times; allowed: each name once in /etc/tosec")]
    [InlineData("host.vms.a.files = [\"DIR/network\"]", "tosec.host.vms.a.files in host.conf is a list with network 2 times; allowed: each name once in /etc/tosec")]
    [InlineData("host.vms.a.node = \"/nowhere\"", "tosec.host.vms.a.node in host.conf is \"/nowhere\"; allowed: an existing file")]
    [InlineData("host.vms.a.node = \"DIR/t.conf\"", "tosec.node.name in DIR/t.conf is \"t\"; allowed for the VM a: a")]
    [InlineData("host.vms.a.node = \"DIR/process.conf\"", "tosec.attachment in DIR/process.conf is \"\"; allowed for the VM a: pci")]
    [InlineData("host.vms.a.node = \"DIR/image/outside.conf\"", "DIR/image/outside.conf includes ../pci.conf; the file of a node in a VM includes files of its own directory only")]
    [InlineData("host.vms { t { }\n u { } }", "tosec.host.vms in host.conf has t and u; allowed: one VM that is neither a guest nor an SVM: the TOVM")]
    [InlineData("host.vms.t.nics { n { tap = x\n addresses = [] }\n m { tap = x\n addresses = [] } }", "tosec.host.vms in host.conf: the network cards t.n and t.m have the tap x; allowed: one of its own for each")]
    [InlineData("host.vms.t.nics { n { tap = x\n addresses = []\n mac = \"02:00:00:00:00:01\" }\n m { tap = y\n addresses = []\n mac = \"02:00:00:00:00:01\" } }", "tosec.host.vms in host.conf: the network cards t.n and t.m have the mac 02:00:00:00:00:01")]
    [InlineData("host.vms.t.nics.n { tap = \"a,b\"\n addresses = [] }", "tosec.host.vms.t.nics.n.tap in host.conf is \"a,b\"; allowed: name of a tap interface")]
    [InlineData("host.vms.t.nics.n { addresses = [] }", "tosec.host.vms.t.nics.n.tap is missing in host.conf; allowed: name of a tap interface")]
    [InlineData("host.vms.t.nics.n { tap = t\n addresses = [\"10.0.0.2\"] }", "tosec.host.vms.t.nics.n.addresses in host.conf is \"10.0.0.2\"; allowed: a list of addresses with their networks' prefix")]
    [InlineData("host.vms.t.nics.n { tap = t\n addresses = [\"10.0.0.2/33\"] }", "tosec.host.vms.t.nics.n.addresses in host.conf is \"10.0.0.2/33\"; allowed:")]
    [InlineData("host.vms.t.nics.n { tap = t\n addresses = []\n mac = \"01:00:00:00:00:01\" }", "tosec.host.vms.t.nics.n.mac in host.conf is \"01:00:00:00:00:01\"; allowed: an address of one network card")]
    [InlineData("host.vms.t.nics.n { tap = t\n addresses = [\"10.0.0.2/24\"]\n gateway = \"fd00::1\" }", "tosec.host.vms.t.nics.n.gateway in host.conf is \"fd00::1\"; allowed: an address of a family")]
    [InlineData("host.hypervisor.accelerator = xen", "tosec.host.hypervisor.accelerator in host.conf is \"xen\"; allowed: auto, kvm or tcg")]
    [InlineData("host.hypervisor.stop-limit = 1h", "tosec.host.hypervisor.stop-limit in host.conf is \"1h\"; allowed: a time from 100ms to 20s")]
    [InlineData("host.hypervisor.accel = kvm", "unknown key tosec.host.hypervisor.accel in host.conf; ")]
    public void A_mistake_is_one_sentence_with_file_key_value_and_what_is_allowed(string wrong, string message)
    {
        _directory.Write("site.conf", "");
        _directory.Write("network", "");
        _directory.Write("pci.conf", "tosec.attachment = pci\n");
        _directory.Write("process.conf", "tosec.node.name = a\ntosec.node.role = guest\n");
        _directory.Write("image/outside.conf", "include \"../pci.conf\"\ntosec.node.name = a\ntosec.node.role = guest\n");

        var e = Assert.Throws<SettingsException>(() => Load(wrong.Replace("DIR", _directory.Path, StringComparison.Ordinal)));

        Assert.StartsWith(message, e.Message.Replace(_directory["host.conf"], "host.conf", StringComparison.Ordinal).Replace(_directory.Path, "DIR", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void Files_of_VMs_are_the_host_nodes_to_look_for()
    {
        var text = Site("host.vms.a.image = \"/nowhere\"") + "tosec.node { name = t\n role = tovm }\n";
        Assert.Equal("/nowhere", NodeSettingsLoader.Parse("n.conf", text).Hypervisor.Vms["a"].Image);
    }

    private void Write(string name, string role) =>
        _directory.Write(name + ".conf", $"tosec.node.name = {name}\ntosec.node.role = {role}\ntosec.attachment = pci\n");

    private NodeSettings Load(string text) =>
        NodeSettingsLoader.Load(_directory.Write("host.conf", Site(text) + "tosec.node { name = h\n role = host }\n"));

    private string Site(string text) => $$"""
        tosec {
          host.vm-defaults.image = "{{_image}}"
          host.svms.waf-1.type = waf
          host.guests.a { tenant = red
            svms = [waf-1] }
          {{text}}
        }

        """;
}
