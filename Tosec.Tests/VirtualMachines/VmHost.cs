using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Tosec.Tests.EndToEnd;
using Tosec.Tests.Peer;

namespace Tosec.Tests.VirtualMachines;

/// <summary>A host node as a process of its own, with VMs for the TOVM, an SVM, and the guests alice and bob, of a <see cref="TestImage"/>.</summary>
internal sealed class VmHost : IAsyncDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private TosecProcess? _node;

    public VmHost(string hypervisor = "accelerator = tcg", bool obeys = true)
    {
        var image = TestImage.Make(_directory, obeys: obeys);
        _directory.Write("site.conf", $$"""
            tosec {
              node.run-directory = "{{RunDirectory}}"
              host {
                svms { waf-1 { type = waf } }
                guest-defaults { tenant = red
                  svms = [waf-1]
                  streams = 64
                  channels = 4
                  send-pool = 256k
                  sealed-pool = 256k
                  receive-pool = 256k }
                guests { alice { }
                  bob { } }
              }
            }
            """);
        foreach (var (name, role) in new[] { ("tovm", "tovm"), ("waf-1", "svm"), ("alice", "guest"), ("bob", "guest") })
            _directory.Write(name + ".conf", $"include \"site.conf\"\ntosec.node.name = {name}\ntosec.node.role = {role}\ntosec.attachment = pci\n");
        _directory.Write("host.conf", $$"""
            include "site.conf"
            tosec {
              node.name = host
              node.role = host
              cluster.join = off
              host.hypervisor {
                {{hypervisor}}
              }
              host.vm-defaults { image = "{{image}}"
                memory = 128m }
              host.vms { tovm { }
                waf-1 { }
                alice { }
                bob { } }
            }
            """);
    }

    public string RunDirectory => _directory["run"];

    public string this[string file] => _directory[file];

    public TosecProcess Node => _node!;

    /// <summary>Starts the host node, or starts it again.</summary>
    public async Task StartNodeAsync()
    {
        _node = TosecProcess.Start(["node", "-c", _directory["host.conf"]]);
        await _node.SaysAsync("node started");
    }

    public Task<(int Code, string Output, string Errors)> Vm(params string[] words) =>
        TosecProcess.RunAsync(["vm", .. words, "--run-directory", RunDirectory]);

    public async Task StartAsync(string vm)
    {
        var (code, _, errors) = await Vm("start", vm);
        Assert.True(code == 0, errors);
    }

    /// <summary>A row of <c>vm list</c>.</summary>
    public async Task<Dictionary<string, string?>> ListedAsync(string vm)
    {
        var (code, output, errors) = await Vm("list", "--json");
        Assert.True(code == 0, errors);
        return JsonDocument.Parse(output).RootElement.EnumerateArray()
            .Single(row => row.GetProperty("vm").GetString() == vm)
            .EnumerateObject().ToDictionary(cell => cell.Name, cell => cell.Value.ValueKind == JsonValueKind.Null ? null : cell.Value.ToString());
    }

    public Task Reaches(string vm, string state) =>
        Site.Until(async () => (await ListedAsync(vm))["state"] == state, $"{vm} is not {state}");

    /// <summary>The id of a VM's QEMU.</summary>
    public async Task<int> ProcessOf(string vm) => int.Parse((await ListedAsync(vm))["process"]!, System.Globalization.CultureInfo.InvariantCulture);

    public async Task KillAsync(string vm)
    {
        using var process = Process.GetProcessById(await ProcessOf(vm));
        process.Kill();
    }

    /// <summary>Names of the parties that the host node sees on a guest's memory.</summary>
    public async Task<string[]> PartiesOf(string guest)
    {
        var (code, output, errors) = await TosecProcess.RunAsync(["cmd", "--run-directory", RunDirectory, "--node", "host", "--json", "guest", "list"]);
        Assert.True(code == 0, errors);
        return [.. JsonDocument.Parse(output).RootElement.EnumerateArray().Single(row => row.GetProperty("guest").GetString() == guest)
            .GetProperty("parties").EnumerateArray().Select(p => p.GetString()!.Split(' ')[0])];
    }

    public Task PartiesBecome(string guest, params string[] parties) =>
        Site.Until(async () => (await PartiesOf(guest)).SequenceEqual(parties), $"the parties of {guest} are not {string.Join(", ", parties)}");

    /// <summary>SIGKILL for the host node, and for nothing that it has started.</summary>
    public async Task KillNodeAsync()
    {
        using (var process = Process.GetProcessById(Node.Id))
            process.Kill();
        await EndNodeAsync();
    }

    public async Task StopNodeAsync()
    {
        Node.Signal(PosixSignal.SIGTERM);
        await EndNodeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (_node is not null)
            await StopNodeAsync();

        // What a test has left alone on purpose.
        foreach (var file in Directory.Exists(Path.Combine(RunDirectory, "vm")) ? Directory.GetFiles(Path.Combine(RunDirectory, "vm"), "pid", SearchOption.AllDirectories) : [])
        {
            using var process = Process.GetProcessById(int.Parse(File.ReadAllText(file), System.Globalization.CultureInfo.InvariantCulture));
            process.Kill();
            await process.WaitForExitAsync();
        }

        _directory.Dispose();
    }

    private async Task EndNodeAsync()
    {
        await Node.EndAsync();
        Node.Dispose();
        _node = null;
    }
}
