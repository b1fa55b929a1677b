using System.Globalization;
using System.Net;
using Tosec.Actors.Chains;
using Tosec.Engines.Ips.Model;

namespace Tosec.Engines.Ips.Parsing;

/// <summary>Reads what stands before a rule's parenthesis: action, protocol, addresses, ports, direction.</summary>
internal sealed class HeaderParser(RuleVariables variables)
{
    // Variables that name variables: no deeper than this, so that a circle ends.
    private const int MaxDepth = 16;

    // Signs of a list; a longer one is a mistake or an attack on the reader.
    private const int MaxItems = 4096;

    /// <summary>Throws <see cref="RuleException"/>.</summary>
    public (RuleAction Action, RuleHeader Header) Parse(string text)
    {
        var words = Split(text);
        if (words.Count != 7)
        {
            throw new RuleException(
                "header", $"{words.Count} words instead of action, protocol, source, port, direction, target and port");
        }

        var action = words[0] switch
        {
            "alert" => RuleAction.Alert,
            "drop" => RuleAction.Drop,
            "pass" => RuleAction.Pass,
            "reject" or "rejectsrc" or "rejectdst" or "rejectboth" => RuleAction.Reject,
            var other => throw new RuleException("action", $"\"{other}\" is none of alert, drop, reject, pass"),
        };
        var bothWays = words[4] switch
        {
            "->" => false,
            "<>" => true,
            "=>" => throw new RuleException("direction", "rules about both directions of a transaction are not supported"),
            var other => throw new RuleException("direction", $"\"{other}\" is neither -> nor <>"),
        };
        return (action, new RuleHeader(
            Protocol(words[1]), Addresses(words[2]), Ports(words[3]), Addresses(words[5]), Ports(words[6]), bothWays));
    }

    private static AppProtocol Protocol(string word) => word switch
    {
        "tcp" or "tcp-pkt" or "tcp-stream" or "ip" => AppProtocol.Unknown,
        "http" or "http1" => AppProtocol.Http,
        "tls" => AppProtocol.Tls,
        "ssh" => AppProtocol.Ssh,
        "dns" => AppProtocol.Dns,
        "smtp" => AppProtocol.Smtp,
        "ftp" => AppProtocol.Ftp,
        "smb" => AppProtocol.Smb,
        "udp" or "icmp" or "icmpv6" or "sctp" or "pkthdr" => throw new RuleException("protocol", $"{word}: only TCP is inspected"),
        _ => throw new RuleException("protocol", $"\"{word}\" is not supported"),
    };

    // Words are parted by blanks outside of brackets.
    private static List<string> Split(string text)
    {
        var words = new List<string>();
        var depth = 0;
        var start = -1;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '[') depth++;
            if (text[i] == ']') depth--;
            if (char.IsWhiteSpace(text[i]) && depth <= 0)
            {
                if (start >= 0) words.Add(text[start..i]);
                start = -1;
            }
            else if (start < 0)
            {
                start = i;
            }
        }

        if (start >= 0) words.Add(text[start..]);
        return words;
    }

    private AddressSet Addresses(string text)
    {
        var included = new List<AddressRange>();
        var excluded = new List<AddressRange>();
        var any = false;
        Walk("address", variables.Addresses, text, negated: false, MaxDepth, (word, negated) =>
        {
            if (word == "any")
            {
                if (negated) throw new RuleException("address", "!any matches nothing");
                any = true;
                return;
            }

            if (!TryRange(word, out var range)) throw new RuleException("address", $"\"{word}\" is no address and no network");
            Add(negated ? excluded : included, range, "address");
        });
        return new AddressSet(any ? [] : [.. included], [.. excluded]);
    }

    // Networks are written with host bits in rule files, so their host bits are left out of account.
    private static bool TryRange(string word, out AddressRange range)
    {
        if (AddressRange.TryParse(word, out range)) return word != "*";
        var slash = word.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0 || !IPAddress.TryParse(word.AsSpan(0, slash), out var address)
            || !int.TryParse(word.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var bits))
            return false;
        var bytes = address.GetAddressBytes();
        if (bits > bytes.Length * 8) return false;
        for (var i = 0; i < bytes.Length; i++)
        {
            var keep = Math.Clamp(bits - (i * 8), 0, 8);
            bytes[i] &= (byte)(0xff00 >> keep);
        }

        range = AddressRange.Of(new IPNetwork(new IPAddress(bytes), bits));
        return true;
    }

    private PortSet Ports(string text)
    {
        var included = new List<PortRange>();
        var excluded = new List<PortRange>();
        var any = false;
        Walk("port", variables.Ports, text, negated: false, MaxDepth, (word, negated) =>
        {
            if (word == "any")
            {
                if (negated) throw new RuleException("port", "!any matches nothing");
                any = true;
                return;
            }

            Add(negated ? excluded : included, Port(word), "port");
        });
        return new PortSet(any ? [] : [.. included], [.. excluded]);
    }

    private static PortRange Port(string word)
    {
        var colon = word.IndexOf(':', StringComparison.Ordinal);
        var first = colon < 0 ? word : word[..colon];
        var last = colon < 0 ? word : word[(colon + 1)..];
        if (TryPort(first, 0, out var from) && TryPort(last, ushort.MaxValue, out var to) && from <= to && word != ":")
            return new PortRange(from, to);
        throw new RuleException("port", $"\"{word}\" is no port and no range");

        bool TryPort(string part, ushort missing, out ushort port)
        {
            port = missing;
            return (part.Length == 0 && colon >= 0)
                || ushort.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out port);
        }
    }

    private static void Add<T>(List<T> list, T item, string what)
    {
        if (list.Count >= MaxItems) throw new RuleException(what, $"more than {MaxItems} items");
        list.Add(item);
    }

    /// <summary>Takes groups and variables apart, and gives each plain word with its sign.</summary>
    private static void Walk(
        string what, IReadOnlyDictionary<string, string> known, string text, bool negated, int depth, Action<string, bool> take)
    {
        text = text.Trim();
        if (depth == 0) throw new RuleException(what, "groups or variables inside each other too deep");
        if (text.StartsWith('!'))
        {
            if (negated) throw new RuleException(what, "a negation inside a negation");
            Walk(what, known, text[1..], negated: true, depth - 1, take);
        }
        else if (text.StartsWith('$'))
        {
            if (!known.TryGetValue(text[1..], out var value)) throw new RuleException(what, $"unknown variable {text}");
            Walk(what, known, value, negated, depth - 1, take);
        }
        else if (text.StartsWith('['))
        {
            if (!text.EndsWith(']')) throw new RuleException(what, $"\"{text}\" has no end");
            foreach (var item in Items(what, text[1..^1])) Walk(what, known, item, negated, depth - 1, take);
        }
        else if (text.Length == 0)
        {
            throw new RuleException(what, "empty");
        }
        else
        {
            take(text, negated);
        }
    }

    private static List<string> Items(string what, string text)
    {
        var items = new List<string>();
        var depth = 0;
        var start = 0;
        for (var i = 0; i <= text.Length; i++)
        {
            if (i == text.Length || (text[i] == ',' && depth == 0))
            {
                items.Add(text[start..i]);
                start = i + 1;
            }
            else
            {
                if (text[i] == '[') depth++;
                if (text[i] == ']') depth--;
                if (depth < 0) throw new RuleException(what, "brackets do not match");
            }
        }

        if (depth != 0) throw new RuleException(what, "brackets do not match");
        return items;
    }
}
