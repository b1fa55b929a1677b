using System.Net;
using Akka.Configuration;
using Tosec.Actors.Chains;
using Tosec.Actors.Workers;
using Tosec.Engines.Antivirus;
using Tosec.Engines.Auditor;
using Tosec.Engines.Ips;
using Tosec.Engines.Waf;

namespace Tosec.Node.Configuration;

/// <summary>What a node does.</summary>
public enum NodeRole
{
    Host,
    Tovm,
    Svm,
    Guest,
}

/// <summary>How a node reaches shared memory.</summary>
public enum AttachmentKind
{
    /// <summary>As a process of the host's Linux: by the host node's sockets.</summary>
    Process,

    /// <summary>In a VM: by ivshmem PCI devices.</summary>
    Pci,
}

/// <summary>Least level that is logged.</summary>
public enum LogVerbosity
{
    Verbose,
    Debug,
    Info,
    Warning,
    Error,
}

/// <summary>Everything a node was configured with: checked, complete, immutable. Defaults come from <c>hocon/reference</c>.</summary>
public sealed record NodeSettings
{
    /// <summary>The file as the user named it; for messages.</summary>
    public required string File { get; init; }

    public required string Name { get; init; }

    public required NodeRole Role { get; init; }

    /// <summary>Absolute.</summary>
    public required string RunDirectory { get; init; }

    public required ushort HostNumber { get; init; }

    public required AttachmentKind Attachment { get; init; }

    public required LogSettings Log { get; init; }

    /// <summary>Path of the control socket; absolute.</summary>
    public required string ControlSocket { get; init; }

    public required ClusterSettings Cluster { get; init; }

    /// <summary>The host's guests and SVMs; empty maps where the file does not tell them (a guest's own, for example).</summary>
    public required HostSettings Host { get; init; }

    /// <summary>The VMs that a host node runs; without any for other roles.</summary>
    public required HypervisorSettings Hypervisor { get; init; }

    /// <summary>Set for role <see cref="NodeRole.Tovm"/>.</summary>
    public TovmSettings? Tovm { get; init; }

    /// <summary>Set for role <see cref="NodeRole.Svm"/>.</summary>
    public SvmSettings? Svm { get; init; }

    /// <summary>Set for role <see cref="NodeRole.Guest"/>.</summary>
    public GuestSettings? Guest { get; init; }

    /// <summary>Rules and chains.</summary>
    public required Policy Policy { get; init; }

    /// <summary>How this node's workers wait.</summary>
    public required WorkerSettings Worker { get; init; }

    /// <summary>The web application firewall's settings; used by SVMs of type <c>waf</c>.</summary>
    public required WafSettings Waf { get; init; }

    /// <summary>The intrusion prevention system's settings; used by SVMs of type <c>ips</c>.</summary>
    public required IpsSettings Ips { get; init; }

    /// <summary>The antivirus's settings; used by SVMs of type <c>antivirus</c>.</summary>
    public required AntivirusSettings Antivirus { get; init; }

    /// <summary>The database access auditor's settings; used by SVMs of type <c>auditor</c>.</summary>
    public required AuditorSettings Auditor { get; init; }

    /// <summary>The user's sections <c>akka</c> and <c>petabridge</c>, passed through unread; possibly empty.</summary>
    public required Config Akka { get; init; }
}

/// <param name="Level">Least level written.</param>
/// <param name="File">File besides stderr; null: none.</param>
public sealed record LogSettings(LogVerbosity Level, string? File);

/// <param name="Join">Whether the node is a cluster member; otherwise its actor system is local.</param>
/// <param name="Hostname">Name or address that other members reach it by.</param>
/// <param name="Port">0: any free one.</param>
/// <param name="SeedNodes">Members to join by; empty: the node is the first.</param>
/// <param name="Insecure">Plain TCP on an address that is not loopback was asked for in so many words.</param>
/// <param name="Tls">Null: plain TCP.</param>
public sealed record ClusterSettings(
    bool Join, string Hostname, int Port, IReadOnlyList<DnsEndPoint> SeedNodes, bool Insecure, ClusterTlsSettings? Tls);

/// <param name="Certificate">PKCS#12 file with the node's certificate and key; absolute.</param>
/// <param name="Password">Its password; null: none is needed.</param>
/// <param name="Ca">PEM file of the operator's own certificate authority: the only one whose peers are accepted.</param>
public sealed record ClusterTlsSettings(string Certificate, string? Password, string Ca);

/// <param name="Svms">By name.</param>
/// <param name="Guests">By name.</param>
public sealed record HostSettings(
    IReadOnlyDictionary<string, HostSvmSettings> Svms, IReadOnlyDictionary<string, HostGuestSettings> Guests);

/// <param name="Name">The SVM node's name.</param>
/// <param name="Type">What chains name it by: <c>waf</c>, <c>ips</c>, <c>counter</c>.</param>
public sealed record HostSvmSettings(string Name, string Type);

/// <summary>One guest of the host.</summary>
public sealed record HostGuestSettings
{
    public required string Name { get; init; }

    public required string Tenant { get; init; }

    public required IReadOnlyList<IPAddress> Addresses { get; init; }

    /// <summary>Names of the SVMs that share memory with the guest, at most <see cref="MaxSvms"/>.</summary>
    public required IReadOnlyList<string> Svms { get; init; }

    /// <summary>Stream slots; a power of two.</summary>
    public required int Streams { get; init; }

    /// <summary>Application processes at a time.</summary>
    public required int Channels { get; init; }

    public required long SendPoolBytes { get; init; }

    public required long SealedPoolBytes { get; init; }

    public required long ReceivePoolBytes { get; init; }

    public const int MaxSvms = 6;
}

/// <param name="Guests">Names of the guests served.</param>
public sealed record TovmSettings(IReadOnlyList<string> Guests);

/// <param name="Type">What chains name it by.</param>
/// <param name="Guests">Names of the guests served.</param>
/// <param name="EventFile">File for EVE JSON events; absolute.</param>
public sealed record SvmSettings(string Type, IReadOnlyList<string> Guests, string EventFile);

/// <param name="Guest">Name of the guest.</param>
/// <param name="AgentSocket">Path of the agent's socket; absolute.</param>
/// <param name="AgentMode">Permission bits of that socket: who may be a process of the guest.</param>
public sealed record GuestSettings(string Guest, string AgentSocket, UnixFileMode AgentMode);
