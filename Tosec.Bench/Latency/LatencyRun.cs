using System.Diagnostics;
using System.Text.Json;
using Tosec.Bench.CommandLine;
using Tosec.Bench.Lab;
using Tosec.Node.CommandLine;

namespace Tosec.Bench.Latency;

/// <summary>The experiment: makes both sides, measures in turn, takes both away again. One caller.</summary>
internal sealed class LatencyRun : IDisposable
{
    private const int SettlingRequests = 50000;

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);
    private static readonly string _pair = Path.Combine(AppContext.BaseDirectory, "tosec-rr");

    private readonly LatencyPlan _plan;
    private readonly string _directory = Directory.CreateTempSubdirectory("tosec-bench-").FullName;
    private readonly NetworkLab _lab;
    private readonly (string Namespace, string Address) _client;
    private readonly (string Namespace, string Address) _server;
    private readonly List<LabProcess> _processes = [];
    private readonly Dictionary<string, LabProcess[]> _parties = [];
    private readonly Dictionary<string, (string Address, int Port)> _targets = [];
    private TosecSite? _site;

    public LatencyRun(LatencyPlan plan)
    {
        _plan = plan;
        _lab = new NetworkLab();
        _client = _lab.AddVm("client", 1);
        _server = _lab.AddVm("server", 2);
    }

    /// <summary>Starts all parties and makes one request in each case.</summary>
    public async Task StartAsync(CancellationToken cancellation)
    {
        await StartPeersAsync(cancellation).ConfigureAwait(false);
        if (_plan.Cases.Any(name => LatencyCase.Of(name).IsTosec))
            await StartTosecAsync(cancellation).ConfigureAwait(false);
        foreach (var name in _plan.Cases)
            await WaitForAsync(name, cancellation).ConfigureAwait(false);
    }

    /// <summary>Requests that nobody counts: code that is compiled while it runs (ours) is measured when that is over.</summary>
    public Task SettleAsync(string name, CancellationToken cancellation) =>
        MeasureAsync(0, Setting.Free, name, _plan.Bytes[0], SettlingRequests, cancellation);

    /// <summary>Moves every thread of every party to where the setting wants it.</summary>
    public void Apply(Setting setting)
    {
        foreach (var process in _processes.Concat(_site?.Nodes ?? []))
            Tool.Run("taskset", "-a", "-c", "-p", Cpus(setting), $"{process.Id}");
    }

    /// <summary>The CPUs that a setting allows, as taskset writes them.</summary>
    public string Cpus(Setting setting) => setting == Setting.OneCpu ? $"{_plan.Cpu}" : $"0-{Environment.ProcessorCount - 1}";

    public Task<LatencySample> MeasureAsync(int round, Setting setting, string name, int bytes, CancellationToken cancellation) =>
        MeasureAsync(round, setting, name, bytes, _plan.Requests, cancellation);

    private async Task<LatencySample> MeasureAsync(
        int round, Setting setting, string name, int bytes, int requests, CancellationToken cancellation)
    {
        foreach (var party in _parties[name])
            party.RequireAlive();
        using var client = StartClient(setting, name, bytes, _plan.WarmUp, requests);
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            limit.CancelAfter(_patience);
            await ReadLineAsync(client, limit.Token).ConfigureAwait(false);
            var before = _parties[name].Select(party => CpuUse.Read(party.Id)).ToArray();
            await client.StandardInput.WriteLineAsync("go").ConfigureAwait(false);
            await client.StandardInput.FlushAsync(limit.Token).ConfigureAwait(false);
            var report = JsonSerializer.Deserialize<ClientReport>(await ReadLineAsync(client, limit.Token).ConfigureAwait(false))!;
            var uses = new Dictionary<string, PartyUse>
            {
                ["client"] = new(report.CpuNanoseconds / 1000.0 / report.Requests, (double)report.Sleeps / report.Requests),
            };
            foreach (var (party, then) in _parties[name].Zip(before))
            {
                var (microseconds, sleeps) = CpuUse.Read(party.Id).Since(then);
                // The case's own server, whatever case it is.
                var shown = party.Name.StartsWith("server", StringComparison.Ordinal) ? "server" : party.Name;
                uses.Add(shown, new PartyUse(microseconds / report.Requests, (double)sleeps / report.Requests));
            }

            client.StandardInput.Close();
            await client.WaitForExitAsync(limit.Token).ConfigureAwait(false);
            return new LatencySample(round, setting, name, bytes, report, uses);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new BenchException(ExitCode.Failed, $"{name} with {bytes} bytes gives no answer for {_patience.TotalSeconds} s{Tails(name)}");
        }
        finally
        {
            if (!client.HasExited)
                client.Kill();
        }
    }

    public void Dispose()
    {
        foreach (var process in Enumerable.Reverse(_processes))
            process.Dispose();
        _site?.Dispose();
        _lab.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task StartPeersAsync(CancellationToken cancellation)
    {
        var server = await StartServerAsync("server", _server, HaProxy.Port, command => command, cancellation).ConfigureAwait(false);
        var target = (_server.Address, HaProxy.Port);
        var parties = new List<LabProcess> { server };
        foreach (var one in LatencyCase.All.Where(one => !one.IsTosec))
        {
            if (one.Functions > 0)
            {
                var name = $"haproxy-{one.Functions}";
                var vm = _lab.AddVm(name, 10 + one.Functions);
                var proxy = HaProxy.Start(name, vm.Namespace, _directory, target.Address);
                _processes.Add(proxy);
                parties.Add(proxy);
                target = (vm.Address, HaProxy.Port);
            }

            _parties[one.Name] = [.. parties];
            _targets[one.Name] = target;
        }
    }

    private async Task StartTosecAsync(CancellationToken cancellation)
    {
        _site = new TosecSite(_lab, _directory, _server, _plan.Spins);
        await _site.StartAsync(cancellation).ConfigureAwait(false);
        foreach (var one in LatencyCase.All.Where(one => one.IsTosec))
        {
            var port = TosecSite.PortOf(one.Functions);
            var server = await StartServerAsync(
                $"server-{one.Functions}", (_site.GuestNamespace, _site.Address), port, command => _site.InGuest(command), cancellation).ConfigureAwait(false);
            var svms = TosecSite.Svms.Take(one.Functions).ToArray();
            _parties[one.Name] = [server, .. _site.Nodes.Where(node => !TosecSite.Svms.Contains(node.Name) || svms.Contains(node.Name))];
            _targets[one.Name] = (_site.Address, port);
        }
    }

    private async Task<LabProcess> StartServerAsync(
        string name, (string Namespace, string Address) at, int port, Func<IReadOnlyList<string>, IReadOnlyList<string>> wrap,
        CancellationToken cancellation)
    {
        string[] epoll = _plan.Epoll ? ["--epoll"] : [];
        var server = LabProcess.Start(name, at.Namespace, _directory, wrap([_pair, "server", .. epoll, at.Address, $"{port}"]));
        _processes.Add(server);
        await server.SaysAsync("listening", cancellation).ConfigureAwait(false);
        return server;
    }

    private async Task WaitForAsync(string name, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        while (true)
        {
            using var client = StartClient(Setting.Free, name, 1, 1, 1);
            client.StandardInput.Close();
            if (await client.StandardOutput.ReadLineAsync(cancellation).ConfigureAwait(false) == "ready")
                return;
            if (clock.Elapsed > _patience)
                throw new BenchException(ExitCode.Failed, $"{name} cannot be reached: {await client.StandardError.ReadToEndAsync(cancellation).ConfigureAwait(false)}{Tails(name)}");
            await Task.Delay(100, cancellation).ConfigureAwait(false);
        }
    }

    private Process StartClient(Setting setting, string name, int bytes, int warmUp, int requests)
    {
        var (address, port) = _targets[name];
        return Process.Start(new ProcessStartInfo(
            "taskset",
            [
                "-c", Cpus(setting), "ip", "netns", "exec", _client.Namespace, _pair, "client", address, $"{port}", $"{bytes}", $"{warmUp}",
                $"{requests}", $"{_plan.LimitMilliseconds}",
            ])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
    }

    private static async Task<string> ReadLineAsync(Process client, CancellationToken cancellation) =>
        await client.StandardOutput.ReadLineAsync(cancellation).ConfigureAwait(false)
        ?? throw new BenchException(ExitCode.Failed, (await client.StandardError.ReadToEndAsync(cancellation).ConfigureAwait(false)).Trim());

    private string Tails(string name) => string.Concat(_parties[name].Select(party => $"\n--- {party.Name}\n{party.Tail()}"));
}
