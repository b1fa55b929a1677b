using Tosec.Bench.CommandLine;
using Tosec.Node.CommandLine;

namespace Tosec.Bench.Lab;

/// <summary>
/// Network namespaces, each standing for a VM, on one bridge in a namespace of its own: nothing of the machine's own network is
/// touched. Their names carry our process number, so that two runs do not meet.
/// </summary>
internal sealed class NetworkLab : IDisposable
{
    private const string Network = "10.77.0.";

    private readonly string _prefix = $"tosec-bench-{Environment.ProcessId}-";
    private readonly List<string> _namespaces = [];
    private readonly string _wire;

    /// <exception cref="BenchException">This is not root, or iproute2 is missing.</exception>
    public NetworkLab()
    {
        if (!Environment.IsPrivilegedProcess)
            throw new BenchException(ExitCode.Unavailable, "needs root: it makes network namespaces");
        _wire = AddNamespace("wire");
        Ip("-n", _wire, "link", "add", "bridge", "type", "bridge", "stp_state", "0", "forward_delay", "0");
        Ip("-n", _wire, "link", "set", "bridge", "up");
    }

    /// <summary>A VM with a network card at the bridge.</summary>
    public (string Namespace, string Address) AddVm(string name, int host)
    {
        var vm = AddNamespace(name);
        var address = Network + host;
        Ip("-n", _wire, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", vm);
        Ip("-n", _wire, "link", "set", name, "master", "bridge", "up");
        Ip("-n", vm, "address", "add", address + "/24", "dev", "eth0");
        Ip("-n", vm, "link", "set", "eth0", "up");
        return (vm, address);
    }

    /// <summary>A VM without a network card, as a guest of TOSEC is.</summary>
    public string AddNamespace(string name)
    {
        var full = _prefix + name;
        Ip("netns", "add", full);
        _namespaces.Add(full);
        Ip("-n", full, "link", "set", "lo", "up");
        return full;
    }

    public void Dispose()
    {
        foreach (var one in _namespaces)
            Tool.TryRun("ip", "netns", "delete", one);
    }

    private static void Ip(params IReadOnlyList<string> arguments) => Tool.Run("ip", arguments);
}
