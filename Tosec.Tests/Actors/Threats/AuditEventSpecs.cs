using System.Buffers;
using System.Net;
using System.Text.Json;
using Tosec.Actors.Inspection;
using Tosec.Actors.Threats;

namespace Tosec.Tests.Actors.Threats;

public sealed class AuditEventSpecs
{
    [Fact]
    public void An_audit_record_is_an_event_whose_source_is_the_client()
    {
        var stream = new StreamFacts(42, "alice", "audited", StreamDirection.Outgoing,
            new IPEndPoint(IPAddress.Parse("10.0.0.7"), 40000), new IPEndPoint(IPAddress.Parse("10.0.0.9"), 5432));
        var record = new AuditRecord
        {
            Protocol = "postgresql",
            User = "ada",
            Database = "shop",
            Class = "select",
            Statement = "select ?",
            Fingerprint = "0123456789abcdef",
            Rows = 3,
            Duration = TimeSpan.FromMilliseconds(2),
            Outcome = "ok",
        };
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
            new AuditEvent(DateTimeOffset.UnixEpoch, stream, "auditor-1", record).WriteTo(json);
        using var document = JsonDocument.Parse(buffer.WrittenMemory);
        var root = document.RootElement;
        Assert.Equal(("audit", "10.0.0.7", 5432, "postgresql"), (root.GetProperty("event_type").GetString(), root.GetProperty("src_ip").GetString(),
            root.GetProperty("dest_port").GetInt32(), root.GetProperty("app_proto").GetString()));
        Assert.Equal("""{"user":"ada","database":"shop","class":"select","statement":"select ?","fingerprint":"0123456789abcdef","rows":3,"duration_us":2000,"outcome":"ok"}""",
            root.GetProperty("audit").GetRawText());
    }
}
