using Akka.Actor;
using Tosec.Actors.Commands;
using Tosec.Actors.Inspection;
using Tosec.Actors.Threats;
using Tosec.Actors.Vms;
using Tosec.Engines.Antivirus;
using Tosec.Engines.Auditor;
using Tosec.Engines.Counter;
using Tosec.Engines.Ips;
using Tosec.Engines.Waf;
using Tosec.Node.Configuration;

namespace Tosec.Node.Hosting.Roles;

/// <summary>An SVM's node: one network security system, a worker for each guest, and the log of what it found.</summary>
internal sealed class SvmRole : VmRole
{
    // Events that wait for the disk, and events that listings remember.
    private const int LogCapacity = 65536;
    private const int RecentCapacity = 1000;

    // Refused rules that the log names at each start.
    private const int LoggedProblems = 20;

    private INetworkSecuritySystem? _engine;
    private ThreatReporter? _threats;

    protected override IActorRef StartVm(NodeContext context)
    {
        var settings = context.Settings;
        var svm = settings.Svm!;
        try
        {
            _threats = new ThreatReporter(settings.Name, new EveLog(svm.EventFile, LogCapacity), new RecentThreats(RecentCapacity));
            _engine = Make(svm.Type, settings, _threats);
        }
        catch (Exception failure) when (failure is IOException or DllNotFoundException or UnauthorizedAccessException or InvalidOperationException or InvalidDataException or ArgumentException)
        {
            throw new NodeStartException($"the {svm.Type} does not start: {failure.Message}", failure);
        }

        LogRefused(context);
        context.Log.Information("{Engine:l}; events go to {File:l}", _engine.Description, svm.EventFile);
        return Vm.StartSvm(context.System, svm.Guests,
            Attachments.Of(settings, settings.Name, trusted: true), settings.Worker, _engine, _threats, settings.Policy);
    }

    protected override void AddCommands(NodeContext context, IActorRef vm)
    {
        VmCommands.AddStreams(context.Commands, vm);
        VmCommands.AddChains(context.Commands, vm, context.Settings.Host);
        VmCommands.AddWorkers(context.Commands, vm);
        VmCommands.AddPools(context.Commands, vm);
        VmCommands.AddGuests(context.Commands, vm);
        context.Commands.Add("svm", "show", "This SVM: its engine and what it has found", _ => CommandResult.Facts(
            ("type", _engine!.Type),
            ("engine", _engine.Description),
            ("alerts", _threats!.Log.Counters.Alerts),
            ("blocks", _threats.Log.Counters.Blocks),
            ("audit records", _threats.Log.Audits),
            ("events written", _threats.Log.Counters.Written),
            ("events lost", _threats.Log.Counters.Dropped)));
        AddRuleCommands(context);
        context.Commands.Add("threat", "list", "What was found last, newest first", _ => CommandResult.Table(
            ["time", "guest", "chain", "from", "to", "action", "signature", "message", "url", "reference"],
            _threats!.Recent.Snapshot().Select(e => new object?[]
            {
                e.Time, e.Stream.Guest, e.Stream.Chain, e.Source.ToString(), e.Destination.ToString(), e.Blocked ? "blocked" : "allowed",
                e.Threat.SignatureId, e.Threat.Signature, e.Threat.Http?.Url ?? "", e.Threat.Reference,
            })));
    }

    protected override async ValueTask ReleaseAsync()
    {
        _engine?.Dispose();
        if (_threats is not null)
            await _threats.Log.DisposeAsync().ConfigureAwait(false);
    }

    // The list of all is a command; the log shows that there are some.
    private void LogRefused(NodeContext context)
    {
        if (_engine is not IpsSystem { Problems: { Count: > 0 } problems }) return;
        foreach (var problem in problems.Take(LoggedProblems)) context.Log.Warning("rule refused: {Problem:l}", problem.ToString());
        if (problems.Count > LoggedProblems)
            context.Log.Warning("{Count} rules refused in all (tosec cmd rule refused)", problems.Count);
    }

    private void AddRuleCommands(NodeContext context)
    {
        if (_engine is IReloadable reloadable)
        {
            context.Commands.Add("svm", "reload", "Reads the rules again; new connections get them, running ones keep theirs", _ =>
            {
                try
                {
                    var engine = reloadable.Reload();
                    LogRefused(context);
                    context.Log.Information("rules read again: {Engine:l}", engine);
                    return CommandResult.FromText(engine);
                }
                catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or InvalidDataException)
                {
                    throw new CommandException($"the rules stay as they were: {failure.Message}");
                }
            });
        }

        if (_engine is IpsSystem ips)
        {
            context.Commands.Add("rule", "refused", "The rules that are not in force, and why", _ => CommandResult.Table(
                ["file", "line", "sid", "keyword", "reason"],
                ips.Problems.Select(p => new object?[] { p.File, p.Line, p.Sid, p.Keyword, p.Reason })));
        }
    }

    private static INetworkSecuritySystem Make(string type, NodeSettings settings, ThreatReporter reporter) => type switch
    {
        "waf" => new WafSystem(settings.Waf),
        "ips" => new IpsSystem(settings.Ips),
        "antivirus" => new AntivirusSystem(settings.Antivirus, reporter),
        "auditor" => new AuditorSystem(settings.Auditor, reporter),
        "counter" => new CounterSystem(),
        _ => throw new NodeStartException($"there is no network security system of type {type}"),
    };
}
