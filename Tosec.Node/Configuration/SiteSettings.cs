using System.Collections.Immutable;
using System.Net;
using Tosec.Actors.Chains;

namespace Tosec.Node.Configuration;

/// <summary>Reads what all nodes of a host agree on: guests, SVMs, chains.</summary>
internal static class SiteSettings
{
    private const long Page = 4096;

    /// <summary>Types of network security systems there are.</summary>
    public static IReadOnlyList<string> SvmTypes { get; } = ["waf", "ips", "antivirus", "auditor", "counter"];

    public static HostSettings ReadHost(SettingsReader host)
    {
        var svms = new Dictionary<string, HostSvmSettings>(StringComparer.Ordinal);
        foreach (var (name, svm) in host.NamedSections("svms"))
            svms.Add(name, new HostSvmSettings(name, svm.Choice("type", SvmTypes)));

        var guests = new Dictionary<string, HostGuestSettings>(StringComparer.Ordinal);
        var owners = new Dictionary<IPAddress, string>();
        foreach (var (name, guest) in host.NamedSections("guests", "guest-defaults", "tenant"))
        {
            if (svms.ContainsKey(name))
                throw new SettingsException($"{guest.Path} in {guest.Source()}: an SVM has that name; allowed: a name of its own");
            var settings = ReadGuest(name, guest, svms);
            foreach (var address in settings.Addresses)
            {
                // Of two guests with one address, the one could take what is meant for the other.
                if (!owners.TryAdd(address, name))
                    throw guest.Refuse("addresses", "each address once", $"a list with {address}, which {owners[address]} has");
                if (LoopbackAddresses.Reserved.Contains(address))
                    throw guest.Refuse("addresses", $"no address of {LoopbackAddresses.Reserved}", $"a list with {address}");
            }

            guests.Add(name, settings);
        }

        return new HostSettings(svms, guests);
    }

    public static IReadOnlyList<ChainDefinition> ReadChains(SettingsReader tosec)
    {
        var chains = new List<ChainDefinition>();
        foreach (var (name, chain) in tosec.NamedSections("chains", "chain-defaults"))
        {
            // "deny" in a rule means just that.
            if (name == PolicySettings.Deny)
                throw new SettingsException($"{chain.Path} in {chain.Source()}: no chain can be named {name}");
            if (chain.Choice<SealMode>("seal") == SealMode.Off)
                throw chain.Refuse("seal", "copy (off, inspecting what the guest can still write, is not in this version)");
            chains.Add(new ChainDefinition
            {
                Name = name,
                SvmTypes = [.. chain.Items("svms", "SVM types (" + string.Join(", ", SvmTypes) + ")", static type =>
                    (SvmTypes.Contains(type), type))],
                Mode = chain.Choice<ChainMode>("mode"),
                Seal = chain.Choice<SealMode>("seal"),
                OnFailure = chain.Choice<FailurePolicy>("on-failure"),
                HoldLimitBytes = chain.Bytes("hold-limit", Page, 256 << 20),
                HoldDeadline = chain.Duration("hold-deadline", TimeSpan.FromMilliseconds(10), TimeSpan.FromHours(1)),
            });
        }

        return chains;
    }

    /// <summary>
    /// A list of guests, or <c>*</c> for those that <paramref name="isServed"/> picks. Empty where the section is not this node's.
    /// </summary>
    public static IReadOnlyList<string> ReadGuestNames(
        SettingsReader section, bool isNeeded, HostSettings host, Func<HostGuestSettings, bool> isServed)
    {
        if (section.IsText("guests"))
        {
            section.Choice("guests", "*");
            if (!isNeeded)
                return [];
            if (host.Guests.Count == 0)
                throw section.Refuse("guests", "a list of names, because the file has no tosec.host.guests to take them from");
            return [.. host.Guests.Values.Where(isServed).Select(guest => guest.Name)];
        }

        var names = section.NameList("guests");
        if (!isNeeded || host.Guests.Count == 0)
            return names;
        foreach (var name in names)
        {
            if (!host.Guests.TryGetValue(name, out var guest))
                throw section.Refuse("guests", "names of tosec.host.guests: " + string.Join(", ", host.Guests.Keys), $"a list with {name}");
            if (!isServed(guest))
                throw section.Refuse("guests", $"guests whose tosec.host.guests.NAME.svms list this node", $"a list with {name}");
        }

        return names;
    }

    private static HostGuestSettings ReadGuest(
        string name, SettingsReader guest, IReadOnlyDictionary<string, HostSvmSettings> svms)
    {
        var settings = new HostGuestSettings
        {
            Name = name,
            Tenant = guest.Name("tenant"),
            Addresses = guest.Addresses("addresses"),
            Svms = guest.NameList("svms"),
            Streams = guest.PowerOfTwo("streams", 64, 65536),
            Channels = guest.Integer("channels", 1, 256),
            SendPoolBytes = ReadPool(guest, "send-pool"),
            SealedPoolBytes = ReadPool(guest, "sealed-pool"),
            ReceivePoolBytes = ReadPool(guest, "receive-pool"),
        };
        if (settings.Svms.Count > HostGuestSettings.MaxSvms)
            throw guest.Refuse("svms", $"at most {HostGuestSettings.MaxSvms} names", $"a list of {settings.Svms.Count}");
        foreach (var svm in settings.Svms)
        {
            if (!svms.ContainsKey(svm))
            {
                throw guest.Refuse(
                    "svms", svms.Count == 0 ? "nothing: tosec.host.svms is empty" : "names of tosec.host.svms: " + string.Join(", ", svms.Keys),
                    $"a list with {svm}");
            }
        }

        return settings;
    }

    private static long ReadPool(SettingsReader guest, string key) => guest.Bytes(key, 256 << 10, 16L << 30, Page);
}
