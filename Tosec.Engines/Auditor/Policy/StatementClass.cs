namespace Tosec.Engines.Auditor.Policy;

/// <summary>What statements do. A statement may be of several classes: <c>INSERT … SELECT</c> is of two.</summary>
[Flags]
public enum StatementClass
{
    None = 0,

    /// <summary>The beginning of a session, with its user and database.</summary>
    Connect = 1,
    Select = 1 << 1,
    Insert = 1 << 2,
    Update = 1 << 3,
    Delete = 1 << 4,
    Merge = 1 << 5,

    /// <summary>Bulk transfer between client and table: COPY to and from the client, LOAD DATA LOCAL.</summary>
    Copy = 1 << 6,

    /// <summary>Reads or writes files of the server, or runs its programs.</summary>
    Files = 1 << 7,

    /// <summary>Calls a procedure.</summary>
    Call = 1 << 8,

    /// <summary>Makes, changes and drops objects.</summary>
    Ddl = 1 << 9,

    /// <summary>Accounts and rights.</summary>
    Grant = 1 << 10,
    Transaction = 1 << 11,

    /// <summary>Settings of the session, and questions about the server: SET, SHOW, USE, PING, AUTH.</summary>
    Session = 1 << 12,

    /// <summary>SQL made of data at run time: DO, PREPARE … FROM, EXECUTE, EVAL.</summary>
    Dynamic = 1 << 13,
    Explain = 1 << 14,
    Locking = 1 << 15,

    /// <summary>The server itself: VACUUM, KILL, SHUTDOWN, FLUSH, CONFIG, cancelling another's statement.</summary>
    Admin = 1 << 16,
    Replication = 1 << 17,

    /// <summary>Messages between clients: LISTEN, PUBLISH.</summary>
    Notify = 1 << 18,

    /// <summary>What could not be parsed, or is of no class above.</summary>
    Unknown = 1 << 30,
}
