using Tosec.Bench.CommandLine;
using Tosec.Node.CommandLine;

namespace Tosec.Bench.Lab;

/// <summary>
/// A site of TOSEC as it would run: the TOVM (with the host node) and two pass-through SVMs with a network card each, a guest without
/// one. Chains of none, one and two SVMs, by the port that the guest listens on.
/// </summary>
internal sealed class TosecSite : IDisposable
{
    public const string Guest = "server";
    public const string Tovm = "tovm";
    public const string Host = "host";
    public const string Agent = "agent";

    private static readonly string _program = Path.Combine(AppContext.BaseDirectory, "tosec");

    private readonly NetworkLab _lab;
    private readonly string _directory;
    private readonly string _tovmNamespace;
    private readonly int _spins;
    private readonly List<LabProcess> _nodes = [];

    /// <param name="lab">Where its VMs are made.</param>
    /// <param name="directory">For configuration, sockets and logs.</param>
    /// <param name="server">The TOVM: namespace and address; the guest's address is the same.</param>
    /// <param name="spins">tosec.worker.spins.</param>
    public TosecSite(NetworkLab lab, string directory, (string Namespace, string Address) server, int spins)
    {
        _lab = lab;
        _directory = directory;
        _tovmNamespace = server.Namespace;
        _spins = spins;
        Address = server.Address;
        GuestNamespace = lab.AddNamespace("guest");
    }

    /// <summary>Names of the SVMs in the order of the chain.</summary>
    public static IReadOnlyList<string> Svms { get; } = ["counter-1", "counter-2"];

    public IReadOnlyList<LabProcess> Nodes => _nodes;

    public string Address { get; }

    public string GuestNamespace { get; }

    private string RunDirectory => Path.Combine(_directory, "run");

    /// <summary>Port of the guest whose connections pass so many SVMs.</summary>
    public static int PortOf(int svms) => 7101 + svms;

    /// <summary>Starts all nodes and waits until they share the guest's memory.</summary>
    /// <exception cref="BenchException">A node does not start.</exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        if (!File.Exists(_program))
            throw new BenchException(ExitCode.Unavailable, $"{_program} is not there: build Tosec.Bench whole");
        File.WriteAllText(Path.Combine(_directory, "site.conf"), SiteText());
        await StartNodeAsync(Host, Host, _tovmNamespace, Address, 4053, "node started", cancellation).ConfigureAwait(false);
        await StartNodeAsync(Tovm, Tovm, _tovmNamespace, Address, 4054, "attached as party", cancellation).ConfigureAwait(false);
        for (var i = 0; i < Svms.Count; i++)
        {
            var (vm, address) = _lab.AddVm(Svms[i], 21 + i);
            await StartNodeAsync(Svms[i], "svm", vm, address, 4053, "attached as party", cancellation).ConfigureAwait(false);
        }

        await StartNodeAsync(Agent, "guest", GuestNamespace, "127.0.0.1", 4053, "attached as party", cancellation).ConfigureAwait(false);
    }

    /// <summary>Command line that makes a program one of the guest's.</summary>
    public IReadOnlyList<string> InGuest(params IReadOnlyList<string> command) =>
        [_program, "run", "--run-directory", RunDirectory, "--guest", Guest, "--", .. command];

    public void Dispose()
    {
        foreach (var node in Enumerable.Reverse(_nodes))
            node.Dispose();
    }

    private async Task StartNodeAsync(
        string name, string role, string networkNamespace, string address, int port, string sign, CancellationToken cancellation)
    {
        var file = Path.Combine(_directory, name + ".conf");
        File.WriteAllText(file, $$"""
            include "site.conf"
            tosec {
              node {
                name = {{name}}
                role = {{role}}
              }
              cluster {
                hostname = "{{address}}"
                port = {{port}}
              }
              {{(role == "svm" ? "svm.type = counter" : "")}}
              {{(role == "guest" ? "guest.guest = " + Guest : "")}}
            }
            """);
        var node = LabProcess.Start(name, networkNamespace, _directory, _program, "node", "-c", file);
        _nodes.Add(node);
        await node.SaysAsync(sign, cancellation).ConfigureAwait(false);
    }

    private string SiteText() => $$"""
        tosec {
          node.run-directory = "{{RunDirectory}}"
          worker.spins = {{_spins}}
          cluster {
            seed-nodes = ["{{Address}}:4053"]
            insecure = on
          }
          host {
            svms {
              {{Svms[0]}} { type = counter }
              {{Svms[1]}} { type = counter }
            }
            guests {
              {{Guest}} {
                tenant = bench
                addresses = ["{{Address}}"]
                svms = [{{string.Join(", ", Svms)}}]
              }
            }
          }
          chains {
            none { svms = [] }
            one { svms = [counter] }
            two { svms = [counter, counter] }
          }
          policy = [
            { direction = incoming
              port = "{{PortOf(0)}}"
              chain = none }
            { direction = incoming
              port = "{{PortOf(1)}}"
              chain = one }
            { direction = incoming
              port = "{{PortOf(2)}}"
              chain = two }
          ]
        }
        """;
}
