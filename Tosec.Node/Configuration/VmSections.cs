using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Tosec.Node.VirtualMachines;

namespace Tosec.Node.Configuration;

/// <summary>Reads <c>tosec.host.hypervisor</c> and <c>tosec.host.vms</c>.</summary>
internal static class VmSections
{
    private const long Megabyte = 1 << 20;

    // IFNAMSIZ of the kernel, with its terminating zero.
    private const int MaxInterfaceName = 15;

    /// <exception cref="SettingsException">Also when a file that a VM needs is not there: a host node that starts can start its VMs.</exception>
    public static HypervisorSettings Read(SettingsReader host, ConfigurationFile file, NodeRole role, string runDirectory, HostSettings site)
    {
        var hypervisor = host.Section("hypervisor");
        var vms = new Dictionary<string, VmSettings>(StringComparer.Ordinal);
        foreach (var (name, vm) in host.NamedSections("vms", "vm-defaults"))
        {
            var settings = ReadVm(name, vm, file, role == NodeRole.Host, site);
            RefuseLongPath(vm, runDirectory, name);
            vms.Add(name, settings);
        }

        RefuseTwice(host, vms.Values.SelectMany(vm => vm.Nics.Select(nic => (vm.Name, nic.Name, nic.Tap))), "tap");
        RefuseTwice(host, vms.Values.SelectMany(vm => vm.Nics.Select(nic => (vm.Name, nic.Name, nic.Mac))), "mac");
        var tovms = vms.Values.Where(vm => vm.Role == NodeRole.Tovm).Select(vm => vm.Name).ToArray();
        if (tovms.Length > 1)
            throw new SettingsException($"{host.Path}.vms in {host.Source("vms")} has {string.Join(" and ", tovms)}; allowed: one VM that is neither a guest nor an SVM: the TOVM");
        return new HypervisorSettings(
            hypervisor.Text("program"), hypervisor.Choice<AcceleratorChoice>("accelerator"),
            hypervisor.Duration("probe-limit", TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20)),
            hypervisor.Duration("stop-limit", TimeSpan.FromMilliseconds(100), TimeSpan.FromSeconds(20)),
            vms);
    }

    private static VmSettings ReadVm(string name, SettingsReader vm, ConfigurationFile file, bool isOurs, HostSettings site)
    {
        var role = site.Svms.ContainsKey(name) ? NodeRole.Svm : site.Guests.ContainsKey(name) ? NodeRole.Guest : NodeRole.Tovm;
        var image = vm.PathOrEmpty("image");
        var kernel = vm.PathOrEmpty("kernel");
        if (kernel.Length == 0)
            kernel = Path.Combine(image, File.Exists(Path.Combine(image, VmImage.PackedKernel)) ? VmImage.PackedKernel : VmImage.Kernel);
        var beside = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(file.Name))!, name);
        var node = vm.PathOrEmpty("node");
        if (node.Length == 0)
            node = beside + ".conf";
        var files = vm.Items("files", "paths of files", static path => (path.Length > 0 && !path.Any(char.IsControl), Path.GetFullPath(path)));
        var start = vm.PathOrEmpty("start");
        if (start.Length == 0 && File.Exists(beside + ".sh"))
            start = beside + ".sh";
        var settings = new VmSettings
        {
            Name = name,
            Role = role,
            Image = image,
            Kernel = kernel,
            Node = new VmNodeFile(node, []),
            Files = files,
            Start = start.Length == 0 ? null : start,
            MemoryBytes = vm.Bytes("memory", 128 * Megabyte, 1L << 40, Megabyte),
            Processors = vm.Integer("processors", 1, 64),
            Nics = [.. vm.NamedSections("nics").Select(nic => ReadNic(name, nic.Name, nic.Reader))],
        };
        if (role == NodeRole.Guest && settings.Nics.Count > 0)
            throw vm.Refuse("nics", "nothing: a guest's only network is TOSEC");
        if (!isOurs)
            return settings;
        if (!File.Exists(Path.Combine(image, VmImage.FirstFileSystem)))
            throw vm.Refuse("image", $"a directory with {VmImage.Kernel}, {VmImage.FirstFileSystem} and {VmImage.RootFileSystem} (scripts/vm-image makes one)");
        if (!File.Exists(kernel))
            throw vm.Refuse("kernel", "an existing file", SettingsReader.Quote(kernel));
        if (files.FirstOrDefault(f => !File.Exists(f)) is { } missing)
            throw vm.Refuse("files", "existing files", $"a list with {missing}");
        if (start.Length > 0 && !File.Exists(start))
            throw vm.Refuse("start", "an existing file");
        if (!File.Exists(node))
            throw vm.Refuse("node", "an existing file", SettingsReader.Quote(node));
        settings = settings with { Node = VmNodeFile.Load(node, name, role) };
        var twice = VmOverlay.Files(settings).Select(f => f.Name).Append(VmOverlay.NetworkFile).GroupBy(n => n, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1);
        return twice is null ? settings : throw vm.Refuse("files", "each name once in /etc/tosec", $"a list with {twice.Key} {twice.Count()} times");
    }

    private static NicSettings ReadNic(string vm, string name, SettingsReader nic)
    {
        var mac = nic.Has("mac")
            ? nic.Read("mac", "an address of one network card, as \"52:54:00:12:34:56\"", static text => (IsUnicastMac(text), text.ToLowerInvariant()))
            : DerivedMac(vm, name);
        var tap = nic.Read("tap", $"name of a tap interface, at most {MaxInterfaceName} characters", static text =>
            (text.Length is > 0 and <= MaxInterfaceName && text.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.') && text is not ("." or ".."), text));
        var addresses = nic.Items("addresses", "addresses with their networks' prefix, as \"10.0.0.2/24\"", ParseInterfaceAddress);
        if (!nic.Has("gateway"))
            return new NicSettings(name, tap, mac, addresses, null);
        var gateway = nic.Read("gateway", "an IPv4 or IPv6 address", static text =>
            (IPAddress.TryParse(text, out var address) && Units.IsHostAddress(address, text), address!));
        if (!addresses.Any(a => a.Address.AddressFamily == gateway.AddressFamily))
            throw nic.Refuse("gateway", "an address of a family that `addresses` has too");
        return new NicSettings(name, tap, mac, addresses, gateway);
    }

    private static (bool IsValid, InterfaceAddress Value) ParseInterfaceAddress(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !IPAddress.TryParse(text[..slash], out var address) || !Units.IsHostAddress(address, text[..slash])
            || !int.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var length)
            || length < 1 || length > (address.AddressFamily == AddressFamily.InterNetwork ? 32 : 128))
            return (false, null!);
        return (true, new InterfaceAddress(address, length));
    }

    private static bool IsUnicastMac(string text)
    {
        var parts = text.Split(':');
        return parts.Length == 6 && parts.All(static p => p.Length == 2 && p.All(char.IsAsciiHexDigit))
            && (Convert.ToByte(parts[0], 16) & 1) == 0 && parts.Any(static p => p != "00");
    }

    // The same at every start, so that neighbours' tables stay true; in QEMU's own range.
    private static string DerivedMac(string vm, string nic)
    {
        var hash = SHA256.HashData(Encoding.UTF8.GetBytes($"{vm}/{nic}"));
        return $"52:54:00:{hash[0]:x2}:{hash[1]:x2}:{hash[2]:x2}";
    }

    private static void RefuseTwice(SettingsReader host, IEnumerable<(string Vm, string Nic, string Value)> values, string key)
    {
        var twice = values.GroupBy(v => v.Value, StringComparer.Ordinal).FirstOrDefault(g => g.Count() > 1)?.ToArray();
        if (twice is not null)
        {
            throw new SettingsException(
                $"{host.Path}.vms in {host.Source("vms")}: the network cards {twice[0].Vm}.{twice[0].Nic} and {twice[1].Vm}.{twice[1].Nic} have the {key} "
                + $"{twice[0].Value}; allowed: one of its own for each");
        }
    }

    private static void RefuseLongPath(SettingsReader vm, string runDirectory, string name)
    {
        var longest = Encoding.UTF8.GetByteCount(VmRunDirectory.LongestSocketPath(runDirectory, name));
        if (longest > NodeSettingsLoader.MaxSocketPath)
            throw new SettingsException($"{vm.Path} in {vm.Source()}: the path of its sockets has {longest} bytes; allowed: {NodeSettingsLoader.MaxSocketPath} (tosec.node.run-directory)");
    }
}
