namespace Tosec.Engines.Auditor;

/// <summary>A port of no protocol: nothing passes.</summary>
internal sealed class NoConversation(AuditSession session) : IConversation
{
    public bool IsIdle => true;

    public bool IsOpaque => false;

    public Decision Client(ReadOnlySpan<byte> bytes) => Decision.End(session.Violation("no protocol is set for this port"), null);

    public string? Server(ReadOnlySpan<byte> bytes) => "no protocol is set for this port";
}
