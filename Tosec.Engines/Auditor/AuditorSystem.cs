using Tosec.Actors.Inspection;
using Tosec.Engines.Auditor.MySql;
using Tosec.Engines.Auditor.Policy;
using Tosec.Engines.Auditor.PostgreSql;
using Tosec.Engines.Auditor.Redis;
using Tosec.Engines.Auditor.Sql;

namespace Tosec.Engines.Auditor;

/// <summary>
/// The database access auditor, type <c>auditor</c>: reads the protocol of the server's port, records every statement and what came of
/// it, and blocks what its rules do not let pass, with the protocol's own error. What it cannot read does not pass.
/// </summary>
/// <remarks>
/// Needs the packages in <c>scripts/packages/engines</c>; the constructor throws <see cref="DllNotFoundException"/> when the parser is
/// missing and a port speaks PostgreSQL.
/// </remarks>
public sealed class AuditorSystem : INetworkSecuritySystem
{
    public AuditorSystem(AuditorSettings settings, IAuditSink audit)
        : this(settings, audit, static () => TimeOnly.FromDateTime(DateTime.Now))
    {
    }

    // The clock tells the time of the day, for rules with hours.
    internal AuditorSystem(AuditorSettings settings, IAuditSink audit, Func<TimeOnly> clock)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(audit);
        Settings = settings;
        Audit = audit;
        Policy = new AuditPolicy(settings.Rules, settings.Unknown, settings.Otherwise, clock);
        if (settings.OtherPorts == DatabaseProtocol.PostgreSql || settings.Ports.Values.Contains(DatabaseProtocol.PostgreSql))
            _ = PgQuery.Parse("SELECT 1"u8);
        Description = $"database access auditor, {settings.Rules.Count} rules, unknown statements: {settings.Unknown.ToString().ToLowerInvariant()}";
    }

    public string Type => "auditor";

    public string Description { get; }

    internal AuditorSettings Settings { get; }

    internal IAuditSink Audit { get; }

    internal AuditPolicy Policy { get; }

    public IStreamInspector Open(in StreamFacts facts) =>
        Settings.Ports.GetValueOrDefault(facts.Server.Port, Settings.OtherPorts) switch
        {
            DatabaseProtocol.PostgreSql => new DatabaseInspector(this, facts, static session => new PgConversation(session)),
            DatabaseProtocol.MySql => new DatabaseInspector(this, facts, static session => new MyConversation(session)),
            DatabaseProtocol.Redis => new DatabaseInspector(this, facts, static session => new RedisConversation(session)),
            _ => new DatabaseInspector(this, facts, static session => new NoConversation(session)),
        };

    public void Dispose()
    {
        // Nothing is shared but immutable settings.
    }
}
