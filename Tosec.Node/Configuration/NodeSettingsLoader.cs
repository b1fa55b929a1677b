using System.Net;
using Akka.Configuration;
using Akka.Configuration.Hocon;
using Tosec.Actors.Chains;
using Tosec.Actors.Workers;
using Tosec.Engines.Antivirus;
using Tosec.Engines.Auditor;
using Tosec.Engines.Ips;
using Tosec.Engines.Waf;

namespace Tosec.Node.Configuration;

/// <summary>Makes <see cref="NodeSettings"/> of a HOCON file, or says in one sentence what is wrong with it.</summary>
public static class NodeSettingsLoader
{
    // sun_path of a UNIX socket has 108 bytes, the last of them zero; a socket is bound under a longer name before it gets its own.
    internal const int MaxSocketPath = 98;

    private static readonly string[] _passedThrough = ["akka", "petabridge"];

    /// <summary>Reads the file, checks everything, starts nothing.</summary>
    /// <exception cref="SettingsException">Names file, key, value and what is allowed.</exception>
    public static NodeSettings Load(string path) => Read(ConfigurationFile.Load(path));

    /// <summary>The same from a text; <paramref name="name"/> stands for the file in messages and for relative includes.</summary>
    /// <exception cref="SettingsException">As <see cref="Load"/>.</exception>
    public static NodeSettings Parse(string name, string text) => Read(ConfigurationFile.FromText(name, text));

    private static NodeSettings Read(ConfigurationFile file)
    {
        foreach (var key in file.Root.Items.Keys.Where(key => !(key == "tosec" || _passedThrough.Contains(key))))
        {
            throw new SettingsException(
                $"unknown section {SettingsReader.Quote(key)} in {file.SourceOf([key])}; allowed: tosec, akka and petabridge");
        }

        var tosec = SettingsReader.Of(file, "tosec");
        var node = tosec.Section("node");
        var name = node.Name("name");
        var role = node.Choice<NodeRole>("role");
        var runDirectory = node.PathOrEmpty("run-directory") is { Length: > 0 } directory
            ? directory : throw node.Refuse("run-directory", "a directory");
        var host = SiteSettings.ReadHost(tosec.Section("host"));
        var chains = SiteSettings.ReadChains(tosec);
        var policy = PolicySettings.Read(tosec, chains, host);

        var settings = new NodeSettings
        {
            File = file.Name,
            Name = name,
            Role = role,
            RunDirectory = runDirectory,
            HostNumber = (ushort)node.Integer("host-number", 0, ushort.MaxValue),
            Attachment = ReadAttachment(tosec, role),
            Log = ReadLog(tosec.Section("log")),
            ControlSocket = Socket(tosec.Section("control"), "socket", runDirectory, name + ".ctl"),
            Cluster = ReadCluster(tosec.Section("cluster"), role),
            Host = host,
            Hypervisor = VmSections.Read(tosec.Section("host"), file, role, runDirectory, host),
            Tovm = ReadTovm(tosec.Section("tovm"), role, host),
            Svm = ReadSvm(tosec.Section("svm"), role, name, runDirectory, host),
            Guest = ReadGuest(tosec.Section("guest"), role, name, runDirectory, host),
            Policy = policy,
            Worker = tosec.Delegate("worker", WorkerSettings.From),
            Waf = tosec.Section("engines").Delegate("waf", WafSettings.From),
            Ips = tosec.Section("engines").Delegate("ips", IpsSettings.From, "addresses", "ports"),
            Antivirus = tosec.Section("engines").Delegate("antivirus", AntivirusSettings.From),
            Auditor = tosec.Section("engines").Delegate("auditor", AuditorSettings.From),
            Akka = ReadPassedThrough(file),
        };
        tosec.Delegate("worker-mailbox", static _ => 0);
        tosec.Section("engines").Delegate("counter", static _ => 0);
        tosec.RejectUnknown();
        return settings;
    }

    private static AttachmentKind ReadAttachment(SettingsReader tosec, NodeRole role)
    {
        var kind = tosec.Choice<AttachmentKind>("attachment");
        return kind == AttachmentKind.Pci && role == NodeRole.Host
            ? throw tosec.Refuse("attachment", "process (a host node makes the memory; who is in a VM attaches through PCI)")
            : kind;
    }

    private static LogSettings ReadLog(SettingsReader log)
    {
        var file = log.PathOrEmpty("file");
        return new LogSettings(log.Choice<LogVerbosity>("level"), file.Length == 0 ? null : file);
    }

    private static ClusterSettings ReadCluster(SettingsReader cluster, NodeRole role)
    {
        var join = cluster.Choice("join", "on", "off", "auto");
        var hostname = cluster.Read("hostname", "a host name or address, no wildcard", static text =>
            (Uri.CheckHostName(text) != UriHostNameType.Unknown
                && !(IPAddress.TryParse(text, out var address) && (address.Equals(IPAddress.Any) || address.Equals(IPAddress.IPv6Any))), text));
        hostname = EndPoints.Canonical(hostname);
        var seeds = cluster.Items("seed-nodes", "\"host:port\" (IPv6: \"[address]:port\")", EndPoints.Parse);
        var insecure = cluster.Switch("insecure");
        var tls = ReadTls(cluster.Section("tls"));
        var joins = join == "on" || (join == "auto" && role != NodeRole.Guest);
        if (joins && tls is null && !insecure && !EndPoints.IsLoopback(hostname))
        {
            throw cluster.Refuse(
                "hostname",
                "a loopback address, or any with tosec.cluster.tls (or, where everyone who reaches the port may be a member, with "
                + "tosec.cluster.insecure = on)");
        }

        return new ClusterSettings(joins, hostname, cluster.Integer("port", 0, ushort.MaxValue), seeds, insecure, tls);
    }

    private static ClusterTlsSettings? ReadTls(SettingsReader tls)
    {
        var certificate = tls.PathOrEmpty("certificate");
        var password = tls.TextOrEmpty("password");
        var ca = tls.PathOrEmpty("ca");
        if (certificate.Length == 0 && ca.Length == 0 && password.Length == 0)
            return null;
        if (certificate.Length == 0 || !File.Exists(certificate))
            throw tls.Refuse("certificate", "an existing PKCS#12 file");
        if (ca.Length == 0 || !File.Exists(ca))
            throw tls.Refuse("ca", "an existing PEM file");
        return new ClusterTlsSettings(certificate, password.Length == 0 ? null : password, ca);
    }

    private static TovmSettings? ReadTovm(SettingsReader tovm, NodeRole role, HostSettings host)
    {
        var guests = SiteSettings.ReadGuestNames(tovm, role == NodeRole.Tovm, host, static _ => true);
        return role == NodeRole.Tovm ? new TovmSettings(guests) : null;
    }

    private static SvmSettings? ReadSvm(
        SettingsReader svm, NodeRole role, string name, string runDirectory, HostSettings host)
    {
        var isSvm = role == NodeRole.Svm;
        var type = isSvm || svm.Has("type") ? svm.Choice("type", SiteSettings.SvmTypes) : "";
        var guests = SiteSettings.ReadGuestNames(svm, isSvm, host, guest => guest.Svms.Contains(name));
        var eventFile = svm.PathOrEmpty("event-file");
        if (!isSvm)
            return null;
        if (host.Svms.Count > 0 && !host.Svms.ContainsKey(name))
        {
            throw new SettingsException(
                $"the SVM {name} is not among tosec.host.svms; allowed: {string.Join(", ", host.Svms.Keys)}");
        }

        if (host.Svms.TryGetValue(name, out var declared) && declared.Type != type)
            throw svm.Refuse("type", $"{declared.Type}, as tosec.host.svms.{name}.type says");
        return new SvmSettings(
            type, guests, eventFile.Length == 0 ? Path.Combine(runDirectory, name + ".eve.json") : eventFile);
    }

    private static GuestSettings? ReadGuest(
        SettingsReader guest, NodeRole role, string nodeName, string runDirectory, HostSettings host)
    {
        var name = guest.TextOrEmpty("guest");
        if (name.Length == 0)
            name = nodeName;
        else
            name = guest.Name("guest");
        if (role != NodeRole.Guest)
        {
            guest.PathOrEmpty("agent-socket");
            AgentMode(guest);
            return null;
        }

        if (host.Guests.Count > 0 && !host.Guests.ContainsKey(name))
            throw guest.Refuse("guest", "one of tosec.host.guests: " + string.Join(", ", host.Guests.Keys), SettingsReader.Quote(name));
        return new GuestSettings(name, Socket(guest, "agent-socket", runDirectory, Path.Combine(name, "agent.sock")), AgentMode(guest));
    }

    private static UnixFileMode AgentMode(SettingsReader guest) => guest.Read("agent-mode", "permission bits from \"0600\" to \"0666\", without execute bits", static text =>
    {
        var isOctal = text.Length is 3 or 4 && text.All(c => c is >= '0' and <= '7');
        var mode = isOctal ? Convert.ToInt32(text, 8) : 0;
        return ((mode & 0x1ff) == mode && (mode & 0x180) == 0x180 && (mode & 0x49) == 0, (UnixFileMode)mode);
    });

    private static string Socket(SettingsReader section, string key, string runDirectory, string fallback)
    {
        var given = section.PathOrEmpty(key);
        var path = given.Length == 0 ? Path.Combine(runDirectory, fallback) : given;
        if (System.Text.Encoding.UTF8.GetByteCount(path) > MaxSocketPath)
            throw section.Refuse(key, $"a path of at most {MaxSocketPath} bytes", $"{path.Length} bytes long ({path})");
        return path;
    }

    private static Config ReadPassedThrough(ConfigurationFile file)
    {
        var root = new HoconObject();
        foreach (var key in _passedThrough)
        {
            if (!file.Root.Items.TryGetValue(key, out var section))
                continue;
            if (section.GetObject() is null)
                throw new SettingsException($"{key} in {file.SourceOf([key])} is no section; allowed: {key} {{ … }}");
            root.Items[key] = section;
        }

        if (root.Items.Count == 0)
            return ConfigurationFactory.Empty;
        var value = new HoconValue();
        value.NewValue(root);
        return new Config(new HoconRoot(value));
    }
}
