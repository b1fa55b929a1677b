using System.Buffers.Binary;
using System.Text;

namespace Tosec.Tests.Engines.Ips;

/// <summary>TLS, SSH, DNS, SMTP and FTP: their fields, and rules that are about one of them only.</summary>
public sealed class ProtocolKeywordSpecs
{
    [Fact]
    public void Server_name_is_read_from_any_cut_of_the_hello()
    {
        using var bench = new IpsBench(
            "alert tls any any -> any any (tls.sni; content:\"evil.example\"; endswith; sid:1;)\n"
            + "alert tls any any -> any any (tls_sni; content:\"good.example\"; sid:2;)\n"
            + "alert tls any any -> any any (tls.sni; dotprefix; content:\".evil.example\"; endswith; sid:3;)");
        Assert.Equal([1, 3], bench.SidsOfAnySplit(new Said(true, Hello("www.Evil.example"))));
        Assert.Empty(bench.SidsOfAnySplit(new Said(true, Hello("www.evil.example.org"))));
    }

    [Fact]
    public void Server_name_is_found_when_the_hello_lies_in_several_records()
    {
        using var bench = new IpsBench("alert tls any any -> any any (tls.sni; content:\"evil.example\"; sid:1;)");
        Assert.Equal([1], bench.Sids([new Said(true, Hello("evil.example", recordSize: 7))]));
    }

    [Fact]
    public void Ssh_versions_are_read_of_both_sides()
    {
        using var bench = new IpsBench(
            "alert ssh any any -> any any (flow:to_server; ssh.software; content:\"libssh\"; startswith; sid:1;)\n"
            + "alert ssh any any -> any any (flow:to_client; ssh.software; content:\"OpenSSH_8.9\"; bsize:11; sid:2;)\n"
            + "alert ssh any any -> any any (flow:to_client; ssh.proto; content:\"1.99\"; sid:3;)");
        Assert.Equal([1, 2], bench.SidsOfAnySplit(
            Said.Server("SSH-2.0-OpenSSH_8.9 Debian\r\n"), Said.Client("SSH-2.0-libssh_0.9\r\n")));
        Assert.Equal([3], bench.SidsOfAnySplit(
            Said.Client("SSH-2.0-curl\r\n"), Said.Server("SSH-1.99-Cisco\n")));
    }

    [Fact]
    public void Dns_questions_are_read_of_every_message()
    {
        using var bench = new IpsBench(
            "alert dns any any -> any any (dns.query; content:\"evil.example\"; nocase; bsize:12; sid:1;)\n"
            + "alert dns any any -> any any (dns_query; content:\"two\"; startswith; content:\"example\"; endswith; sid:2;)");
        var talk = new Said(true, [.. Question("evil.example"), .. Question("one.example", "two.example")]);
        using var conversation = new Conversation(bench.System, Facts(53));
        foreach (var b in talk.Bytes) conversation.Client([b]);
        Assert.Equal([1, 2], IpsBench.Sids(conversation));
        using var other = new Conversation(bench.System, Facts(53));
        other.Client([.. Question("evil.example.org"), .. Question("two.example.org", "one.example")]);
        Assert.Empty(other.Threats);
    }

    [Fact]
    public void Rule_about_a_protocol_leaves_others_alone()
    {
        using var bench = new IpsBench(
            "alert smtp any any -> any any (flow:to_server; content:\"evil\"; sid:1;)\n"
            + "alert ftp any any -> any any (flow:to_server; content:\"evil\"; sid:2;)\n"
            + "alert smb any any -> any any (flow:to_server; content:\"evil\"; sid:3;)\n"
            + "alert http any any -> any any (flow:to_server; content:\"evil\"; sid:4;)\n"
            + "alert ip any any -> any any (flow:to_server; content:\"evil\"; sid:5;)");
        Assert.Equal([1, 5], bench.SidsOfAnySplit(Said.Server("220 mail\r\n"), Said.Client("EHLO evil\r\n")));
        Assert.Equal([2, 5], bench.SidsOfAnySplit(Said.Server("220 files\r\n"), Said.Client("USER evil\r\n")));
        Assert.Equal([3, 5], bench.SidsOfAnySplit(Said.Client("\0\0\0\u0040\u00feSMB..evil")));
        Assert.Equal([4, 5], bench.SidsOfAnySplit(Said.Client("GET /evil HTTP/1.1\r\nHost: a\r\n\r\n")));
        Assert.Equal([5], bench.SidsOfAnySplit(Said.Client("just\nevil")));
    }

    internal static byte[] Hello(string name, int recordSize = 1 << 14)
    {
        var host = Encoding.ASCII.GetBytes(name);
        byte[] extension = [0, 0, .. Two(host.Length + 5), .. Two(host.Length + 3), 0, .. Two(host.Length), .. host];
        byte[] extensions = [0, 23, 0, 0, .. extension];
        byte[] body = [3, 3, .. new byte[32], 0, 0, 2, 0x13, 1, 1, 0, .. Two(extensions.Length), .. extensions];
        byte[] hello = [1, 0, .. Two(body.Length), .. body];
        return [.. hello.Chunk(recordSize).SelectMany(part => (byte[])[22, 3, 1, .. Two(part.Length), .. part])];
    }

    internal static byte[] Question(params string[] names)
    {
        byte[] questions =
        [
            .. names.SelectMany(name => (byte[])
            [
                .. name.Split('.').SelectMany(label => (byte[])[(byte)label.Length, .. Encoding.ASCII.GetBytes(label)]), 0, 0, 1, 0, 1,
            ]),
        ];
        return [.. Two(questions.Length + 12), 0, 7, 1, 0, .. Two(names.Length), 0, 0, 0, 0, 0, 0, .. questions];
    }

    private static Tosec.Actors.Inspection.StreamFacts Facts(int port) =>
        Conversation.Facts(Tosec.Actors.Inspection.StreamDirection.Incoming) with { GuestEndPoint = new(new System.Net.IPAddress([10, 0, 0, 7]), port) };

    private static byte[] Two(int number)
    {
        var bytes = new byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)number);
        return bytes;
    }
}
