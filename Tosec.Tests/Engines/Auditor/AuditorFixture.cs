using Akka.Configuration;
using Tosec.Actors.Inspection;
using Tosec.Engines.Auditor;

namespace Tosec.Tests.Engines.Auditor;

/// <summary>An auditor with settings over the reference's, and what it has recorded.</summary>
internal sealed class AuditorFixture : IAuditSink
{
    public const int PostgreSql = 5432;
    public const int MySql = 3306;
    public const int Redis = 6379;

    public AuditorFixture(string settings = "", TimeOnly? now = null) =>
        System = new AuditorSystem(Settings(settings), this, () => now ?? new TimeOnly(12, 0));

    public AuditorSystem System { get; }

    public List<AuditRecord> Records { get; } = [];

    /// <summary>One word a record: class, outcome and rows.</summary>
    public IEnumerable<string> Outcomes => Records.Select(r => $"{r.Class} {r.Outcome}{(r.Rows >= 0 ? $" {r.Rows}" : "")}{(r.Error.Length > 0 ? " " + r.Error : "")}");

    public static AuditorSettings Settings(string text) => AuditorSettings.From(
        ConfigurationFactory.ParseString(text).WithFallback(ReferenceConfig.Read("auditor.conf").GetConfig(AuditorSettings.Path)));

    public Conversation Open(int port, StreamDirection initiator = StreamDirection.Incoming) => new(System, initiator, port);

    public void Record(in StreamFacts facts, AuditRecord record) => Records.Add(record);
}
