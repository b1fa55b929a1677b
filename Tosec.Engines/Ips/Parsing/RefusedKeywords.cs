namespace Tosec.Engines.Ips.Parsing;

/// <summary>Keywords that Suricata has and that are not honoured here, each with the reason.</summary>
internal static class RefusedKeywords
{
    private const string Headers = "TCP and IP headers are not seen, only streams";
    private const string Files = "files are not extracted";
    private const string Parsers = "this protocol's fields are not read";

    private static readonly Dictionary<string, string> _reasons = new(StringComparer.Ordinal)
    {
        ["xbits"] = "state across connections is not kept",
        ["hostbits"] = "state across connections is not kept",
        ["flowint"] = "counters of a connection are not kept",
        ["tag"] = "packets are not recorded",
        ["lua"] = "scripts are not run",
        ["luajit"] = "scripts are not run",
        ["luaxform"] = "scripts are not run",
        ["iprep"] = "there is no list of reputations",
        ["geoip"] = "places of addresses are not known",
        ["replace"] = "payloads are not changed",
        ["app-layer-event"] = "events of protocol parsers are not rules' business here",
        ["app-layer-protocol"] = "write the protocol in the rule's header",
        ["stream_size"] = Headers,
        ["flags"] = Headers,
        ["seq"] = Headers,
        ["ack"] = Headers,
        ["window"] = Headers,
        ["ttl"] = Headers,
        ["tos"] = Headers,
        ["id"] = Headers,
        ["ipopts"] = Headers,
        ["ip_proto"] = Headers,
        ["fragbits"] = Headers,
        ["fragoffset"] = Headers,
        ["sameip"] = Headers,
        ["itype"] = Headers,
        ["icode"] = Headers,
        ["icmp_id"] = Headers,
        ["icmp_seq"] = Headers,
        ["tcp.mss"] = Headers,
        ["tcp.hdr"] = Headers,
        ["ipv4.hdr"] = Headers,
        ["ipv6.hdr"] = Headers,
        ["filestore"] = Files,
        ["filename"] = Files,
        ["file.name"] = Files,
        ["fileext"] = Files,
        ["filemagic"] = Files,
        ["file.magic"] = Files,
        ["filemd5"] = Files,
        ["filesha1"] = Files,
        ["filesha256"] = Files,
        ["filesize"] = Files,
        ["asn1"] = Parsers,
        ["ssl_version"] = "only the server name of TLS is read",
        ["ssl_state"] = "only the server name of TLS is read",
        ["pcrexform"] = "not among the transforms",
        ["xor"] = "not among the transforms",
    };

    private static readonly string[] _parsers =
    [
        "tls", "ja3", "ja3s", "ja4", "dns", "ssh", "smtp", "ftp", "smb", "dce_iface", "dce_opnum", "dce_stub_data", "dcerpc", "krb5",
        "krb5_msg_type", "krb5_cname", "krb5_sname", "krb5_err_code", "snmp", "modbus", "dnp3", "enip", "cip", "mqtt", "sip", "rfb",
        "ike", "quic", "nfs", "nfs_procedure", "http2", "tls_cert_subject", "tls_cert_issuer", "tls_cert_serial", "websocket", "ftpdata_command",
    ];

    public static string ReasonOf(string keyword)
    {
        if (_reasons.TryGetValue(keyword, out var reason)) return reason;
        var dot = keyword.IndexOf('.', StringComparison.Ordinal);
        return _parsers.Contains(dot < 0 ? keyword : keyword[..dot]) ? Parsers : "unknown keyword";
    }
}
