namespace Tosec.Engines.Ips.Model;

/// <summary>What a rule does when it matches. The order is that in which rules are asked.</summary>
internal enum RuleAction : byte
{
    /// <summary>The rest of the connection passes without inspection.</summary>
    Pass = 0,

    /// <summary>The connection ends.</summary>
    Drop = 1,

    /// <summary>As <see cref="Drop"/>: an end by the firewall resets both sides.</summary>
    Reject = 2,

    /// <summary>The match is reported.</summary>
    Alert = 3,
}

/// <summary>Whose bytes: the client's go to the server, the server's to the client.</summary>
[Flags]
internal enum Sides : byte
{
    None = 0,
    ToServer = 1,
    ToClient = 2,
    Both = ToServer | ToClient,
}

/// <summary>What a connection speaks, as far as its first bytes tell.</summary>
internal enum AppProtocol : byte
{
    /// <summary>Not known yet; in a rule: any.</summary>
    Unknown = 0,

    /// <summary>None of the others.</summary>
    Other,
    Http,
    Tls,
    Ssh,
    Dns,
    Smtp,
    Ftp,
    Smb,
}

/// <summary>What a rule says of itself. Immutable.</summary>
/// <param name="File">Where it was read.</param>
/// <param name="Line">Its first line, counted from 1.</param>
/// <param name="Sid">Its number.</param>
/// <param name="Gid">The group of its number.</param>
/// <param name="Revision">Of its text.</param>
/// <param name="Message">For people.</param>
/// <param name="Category">The text of its class, or the class's name, or empty.</param>
/// <param name="Priority">1 (most severe) to 255.</param>
internal sealed record RuleInfo(
    string File, int Line, long Sid, long Gid, long Revision, string Message, string Category, int Priority);

/// <summary>A rule that is not in force, and why: one line for people.</summary>
/// <param name="File">Where it was read.</param>
/// <param name="Line">Its first line, counted from 1.</param>
/// <param name="Sid">Its number; 0 when it has none that can be read.</param>
/// <param name="Keyword">What cannot be honoured: a keyword, or the part of the rule's header.</param>
/// <param name="Reason">Why.</param>
public sealed record RuleProblem(string File, int Line, long Sid, string Keyword, string Reason)
{
    /// <summary><c>file:line: sid: keyword: reason</c></summary>
    public override string ToString() => $"{File}:{Line}: {Sid}: {Keyword}: {Reason}";
}
